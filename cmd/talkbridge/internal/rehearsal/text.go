package rehearsal

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/bridge/wording"
	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/config"
)

// maxShown bounds what a message shows of a text, in bytes.
const maxShown = 500

// quote writes a text on one line.
func quote(text string) string { return strconv.Quote(wording.Clip(text, maxShown)) }

// shown is a value in a message: nothing has a word.
func shown(text string) string {
	if text == "" || text == config.TestNone {
		return config.TestNone
	}
	return quote(text)
}

// clean is a text for people on one line.
func clean(text string) string { return wording.Line(wording.Clip(text, maxShown)) }

func quoteAll(texts []string) string {
	quoted := make([]string, 0, len(texts))
	for _, t := range texts {
		quoted = append(quoted, quote(t))
	}
	return strings.Join(quoted, ", ")
}

// list is a list in YAML's short form.
func list(texts []string) string { return "[" + strings.Join(texts, ", ") + "]" }

func comments(t bridge.RehearsedTicket) string {
	if len(t.Comments) == 0 {
		return config.TestNone
	}
	return quoteAll(t.Comments)
}

func pagesText(pages []page) string {
	texts := make([]string, 0, len(pages))
	for _, p := range pages {
		texts = append(texts, p.String())
	}
	return list(texts)
}

// text is what the call became, as a test would expect it.
func (j *judge) text(test config.Test) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("  # %s: %s", j.path, clean(test.Name))
	if t := j.became.Ticket; t == nil {
		line("  # %s: %s", j.call(), j.became.Reason)
		line("  ticket: none")
	} else {
		line("  ticket:")
		j.ticketText(*t, func(key, value string) { line("    %s: %s", key, value) })
		for _, c := range t.Comments {
			line("    # a comment:")
			for text := range strings.Lines(c) {
				line("    #   %s", strings.TrimRight(text, "\n"))
			}
		}
	}
	line("  pops: %s", pagesText(j.pages()))
	for _, w := range j.became.Warnings {
		line("  # the log would warn: %s", clean(w))
	}
	return b.String()
}

// ticketText tells of a ticket key by key.
func (j *judge) ticketText(t bridge.RehearsedTicket, line func(key, value string)) {
	orNone := func(text string) string {
		if text == "" {
			return config.TestNone
		}
		return text
	}
	line("via", viaName(t))
	line("subject", strconv.Quote(t.Subject))
	line("tags", list(t.Tags))
	for _, f := range []struct {
		key string
		id  int64
	}{{"group", t.Group}, {"brand", t.Brand}} {
		if f.id != 0 {
			line(f.key, id(f.id))
		}
	}
	line("priority", orNone(t.Priority))
	if len(t.CustomFields) > 0 {
		var fields []string
		for _, f := range t.CustomFields {
			value := fmt.Sprint(f.Value)
			if text, isText := f.Value.(string); isText {
				value = strconv.Quote(text)
			}
			fields = append(fields, fmt.Sprintf("{id: %d, value: %s}", f.ID, value))
		}
		line("custom_fields", list(fields))
	}
	line("requester", strconv.Quote(t.Requester.Name))
	line("assignee", orNone(j.agents[t.Assignee]))
	line("answered_by", orNone(j.agents[t.AnsweredBy]))
	line("plays", orNone(j.plays(t)))
}
