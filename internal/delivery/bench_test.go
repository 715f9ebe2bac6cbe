package delivery

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// BenchmarkDelivery measures mails a second, minting and marking inside, into the sink at REKEY_BENCH_SINK (host:port), else one in this process.
func BenchmarkDelivery(b *testing.B) {
	for _, database := range []string{"postgres", "sqlite"} {
		b.Run(database, func(b *testing.B) {
			w := newWorld(b, database)
			if w.smtpd.addr = os.Getenv("REKEY_BENCH_SINK"); w.smtpd.addr == "" {
				w.smtpd.start(b, smtpdOptions{})
			}
			n := max(b.N, 100)
			w.accounts(n)
			w.activate("list")
			o := w.options()
			o.Watch, o.Sweep, o.Poll = 0, time.Hour, 0
			left := make(chan struct{}, n)
			o.Observe = func(_, outcome string) {
				if outcome == "sent" {
					left <- struct{}{}
				}
			}
			b.ResetTimer()
			stop := w.run(o)
			for range n {
				<-left
			}
			stop()
			b.StopTimer()
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "mails/s")
			if got := w.text(sentMembers); !strings.EqualFold(got, fmt.Sprint(n)) {
				b.Errorf("%s marked", got)
			}
		})
	}
}
