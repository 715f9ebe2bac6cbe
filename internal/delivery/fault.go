package delivery

import (
	"errors"
	"fmt"
	"net/textproto"
	"regexp"
	"strings"
)

// fault says whose trouble a failed hand-off is; what follows from it stands in table form at verdict.
type fault int

const (
	faultServer    fault = iota // the server, the way to it, or what it thinks of us: the lane waits, no mail is blamed
	faultTemporary              // this mail, for now
	faultPermanent              // this mail, for good
)

// sendError is a failed hand-off. Its text has no address, no link and no token, whatever the server said.
type sendError struct {
	fault    fault
	step     string // SMTP command
	code     int    // SMTP reply, 0 for none
	enhanced string // RFC 3463, such as 5.1.1; empty for none
	text     string // redacted
	broken   bool   // the connection cannot be used again
	err      error  // kept for errors.Is, never printed
}

func (e *sendError) Error() string {
	if e.code == 0 {
		return e.step + ": " + e.text
	}
	return fmt.Sprintf("%s: %d %s", e.step, e.code, e.text)
}

func (e *sendError) Unwrap() error { return e.err }

// noMailbox are the enhanced codes that say that the address itself is dead (RFC 3463 section 3.2, RFC 7505): it gets no more mail.
// A policy refusal, a full mailbox or a wrong route may pass.
var noMailbox = map[string]bool{
	"5.1.1":  true, // bad destination mailbox
	"5.1.2":  true, // bad destination system
	"5.1.3":  true, // bad address syntax
	"5.1.6":  true, // mailbox moved, no forwarding
	"5.1.10": true, // null MX
	"5.2.1":  true, // mailbox disabled
}

func (e *sendError) deadAddress() bool {
	return e.fault == faultPermanent && e.step == stepRcpt && noMailbox[e.enhanced]
}

// The steps of a hand-off.
const (
	stepConnect = "connect"
	stepReset   = "RSET"
	stepMail    = "MAIL FROM"
	stepRcpt    = "RCPT TO"
	stepData    = "DATA"
	stepContent = "content"
)

// blame judges an error of a step.
//
//	step           reply                    fault
//	any            none (connection lost)   server; after the content temporary: it may have been taken, and may be what broke the server
//	any            421                      server: it is closing
//	MAIL FROM      4xx 5xx                  server: the sender is the same for every mail, so refusing it is about us
//	RCPT, DATA …   4xx                      temporary
//	RCPT, DATA …   5.3.x 5.5.x 5.7.x        temporary: system, protocol and policy are about us, and an operator can set them right
//	RCPT, DATA …   other 5xx                permanent
//
// Temporary refusals of many mails in a row are the server's too, see crowd.
func blame(step string, err error) *sendError {
	e := &sendError{step: step, err: err, text: "connection lost", broken: true}
	var reply *textproto.Error
	if !errors.As(err, &reply) {
		if step == stepContent {
			e.fault = faultTemporary
		}
		return e
	}
	e.code, e.broken = reply.Code, reply.Code == 421
	e.enhanced = enhancedCode.FindString(reply.Msg)
	e.text = redact(reply.Msg)
	switch {
	case e.code == 421 || step == stepMail || step == stepReset || step == stepConnect:
		e.fault = faultServer
	case e.code >= 500 && !strings.HasPrefix(e.enhanced, "5.3.") && !strings.HasPrefix(e.enhanced, "5.5.") && !strings.HasPrefix(e.enhanced, "5.7."):
		e.fault = faultPermanent
	default:
		e.fault = faultTemporary
	}
	return e
}

var (
	enhancedCode = regexp.MustCompile(`^[245]\.\d{1,3}\.\d{1,3}\b`)
	secretWord   = regexp.MustCompile(`\S*(@|://|#t=|eyJ)\S*|[0-9A-Za-z]{4}-[0-9A-Za-z]{4}-[0-9A-Za-z]{4}`)
)

// maxReply bounds what is kept of a server's answer.
const maxReply = 200

// redact keeps of a server's answer what an operator needs. Servers quote addresses, and spam filters quote links.
func redact(reply string) string {
	reply = secretWord.ReplaceAllString(strings.Join(strings.Fields(reply), " "), "…")
	reply = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\uFFFD' {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(reply, "?"))
	if len(reply) > maxReply {
		reply = strings.ToValidUTF8(reply[:maxReply], "") + "…"
	}
	return reply
}
