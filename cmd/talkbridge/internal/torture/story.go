package torture

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

const (
	// told is how many bad calls have their stories told.
	told = 5
	// longest is how many lines of a log are told of one.
	longest = 60
	// explainPatience is how long the program may take to tell of a call.
	explainPatience = time.Minute
	// lag is by how much a daemon may be behind the phone system on a busy machine: what
	// happened as long before it was killed may have been told to it in vain.
	lag = 10 * time.Second
)

// tell tells what happened to a call: the daemon's explanation and log, and what
// Zendesk was asked.
func (s *site) tell(ctx context.Context, out io.Writer, c *Call, v Verdict) {
	id := c.id()
	_, _ = fmt.Fprintf(out, "\n%s (%s) from %q to %q, %s to %s, %s\n", id, c.Kind.Name, c.From, c.To,
		clock(c.Start), clock(c.End), v)
	for _, t := range append(s.zendesk.TicketsByExternalID(id), s.zendesk.TicketsByExternalID(id+"#2")...) {
		_, _ = fmt.Fprintf(out, "ticket #%d via %d, %s, assigned to %d, %d comments, %+v\n", t.ID, t.ViaID, t.Status, t.AssigneeID, len(t.Comments), t.VoiceComments())
	}
	_, _ = fmt.Fprintf(out, "what the daemon says:\n%s", s.explain(ctx, id))
	_, _ = fmt.Fprintln(out, "what it logged:")
	lines, err := s.log.about(id, longest)
	for _, line := range lines {
		_, _ = fmt.Fprintln(out, " ", line)
	}
	if err != nil {
		_, _ = fmt.Fprintln(out, " ", err)
	}
	_, _ = fmt.Fprintln(out, "what Zendesk was asked, as far as it is kept:")
	for _, r := range s.requests(id) {
		_, _ = fmt.Fprintf(out, "  %s %s %s?%s %d %q took %s committed %t\n", clock(r.At), r.Method, r.Path, r.Query, r.Status, r.Fault, r.Took.Round(time.Millisecond), r.Committed)
	}
}

// unheard reports whether the daemon says that it did not hear a call end. It may have
// read the end and been killed before that was durable.
func (s *site) unheard(ctx context.Context, c *Call) bool {
	return bytes.Contains(s.explain(ctx, c.id()), []byte("nobody heard the end"))
}

func clock(t time.Time) string { return t.UTC().Format("15:04:05.000") }

// explain asks the daemon, or the journal where none runs.
func (s *site) explain(ctx context.Context, id string) []byte {
	ctx, cancel := context.WithTimeout(ctx, explainPatience)
	defer cancel()
	command := s.command("explain", id)
	explaining := exec.CommandContext(ctx, command[0], command[1:]...) //nolint:gosec // the program itself
	explaining.Env = append(os.Environ(), s.options.Env...)
	said, err := explaining.CombinedOutput()
	if err != nil {
		said = fmt.Appendf(said, "%v\n", err)
	}
	return bytes.TrimLeft(said, "\n")
}

// requests are those about a call.
func (s *site) requests(id string) []zendesktest.Request {
	mentions := []string{id}
	for _, t := range append(s.zendesk.TicketsByExternalID(id), s.zendesk.TicketsByExternalID(id+"#2")...) {
		mentions = append(mentions, fmt.Sprintf("/tickets/%d", t.ID))
	}
	var about []zendesktest.Request
	for _, r := range s.zendesk.Requests() {
		for _, m := range mentions {
			if strings.HasSuffix(r.Path, m) || strings.Contains(r.Path, m+"/") || strings.Contains(r.Query+r.Body, id) {
				about = append(about, r)
				break
			}
		}
	}
	return about
}
