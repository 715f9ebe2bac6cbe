package delivery

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// scripted is a server that takes every command in turn and answers from a table, by the first word or, for content, by its dot.
// It tells every line it got once the connection has ended.
func scripted(t *testing.T, answers map[string]string) (url string, lines <-chan []string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	told := make(chan []string, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		fmt.Fprint(conn, "220 ready\r\n")
		var got []string
		in := bufio.NewScanner(conn)
		for in.Scan() {
			got = append(got, in.Text())
			word, _, _ := strings.Cut(in.Text(), " ")
			if answer := answers[word]; answer != "" {
				fmt.Fprint(conn, answer+"\r\n")
			}
		}
		told <- got
	}()
	return "smtp://" + listener.Addr().String() + "?tls=none", told
}

func dialScripted(t *testing.T, url string) Conn {
	t.Helper()
	config, err := ParseSMTPURL(url)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := NewSMTP(config, 5*time.Second).Dial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// TestContentWithoutARecipient pins RFC 2920 section 3.1: a server may want content after it refused the recipient, and gets none.
func TestContentWithoutARecipient(t *testing.T) {
	t.Parallel()
	url, lines := scripted(t, map[string]string{"EHLO": "250-here\r\n250 PIPELINING", "MAIL": "250 ok", "RCPT": "550 5.1.1 nobody", "DATA": "354 go on", ".": "554 5.5.1 no recipients", "RSET": "250 ok", "QUIT": "221 bye"})
	conn := dialScripted(t, url)
	var failed *sendError
	if err := conn.Deliver(testMessage("a@example.net"), noObjection); !errors.As(err, &failed) || !failed.deadAddress() {
		t.Errorf("the error is %v, want that of a dead address", err)
	}
	if !conn.Usable() {
		t.Error("the connection is lost")
	}
	conn.Close()
	got := <-lines
	if at := slices.Index(got, "DATA"); at < 0 || !slices.Equal(got[at+1:], []string{".", "RSET", "QUIT"}) {
		t.Errorf("the server got %q, want an empty content and the end of the transaction", got)
	}
}

// TestAChangeOfMindBeforeTheContent pins that the last question is asked when the server waits for the content, and what a no costs.
func TestAChangeOfMindBeforeTheContent(t *testing.T) {
	t.Parallel()
	url, lines := scripted(t, map[string]string{"EHLO": "250-here\r\n250 PIPELINING", "MAIL": "250 ok", "RCPT": "250 ok", "DATA": "354 go on", ".": "250 taken"})
	conn := dialScripted(t, url)
	stop, asked := errors.New("stop"), 0
	err := conn.Deliver(testMessage("a@example.net"), func() error {
		if asked++; asked > 1 {
			return stop
		}
		return nil
	})
	if !errors.Is(err, stop) || conn.Usable() {
		t.Errorf("the error is %v and the connection usable: %v", err, conn.Usable())
	}
	conn.Close()
	if got := <-lines; got[len(got)-1] != "DATA" {
		t.Errorf("the server got %q, want nothing after DATA", got)
	}
}
