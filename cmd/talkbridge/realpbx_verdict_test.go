package main

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony/asterisk/lab"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// facet is one aspect of what a scenario should leave in Zendesk.
type facet string

const (
	onTickets   facet = "tickets"
	onVia       facet = "via"
	onAgents    facet = "agents"
	onCaller    facet = "caller"
	onLength    facet = "length"
	onPops      facet = "pops"
	onAudio     facet = "audio"
	onRecording facet = "recording"
	onText      facet = "text"
	onLink      facet = "link"
)

// wantTicket is what a ticket should be like. Agents and pops are extensions.
type wantTicket struct {
	via    int
	agents []string // who talked: the first answered, the last is assigned
	pops   []string // who was shown the ticket, in this order, each once
	// length is of the call in seconds, at least and at most.
	length [2]int
	// voicemail and recording say whether a link must play what was said; mayRecord that there may be a recording.
	voicemail, recording, mayRecord bool
	// caller says what is wrong with the requester, empty if nothing is.
	caller func(zendesktest.User) string
	// text must stand in a comment.
	text string
	// linked wants a private note that names each other ticket of the scenario.
	linked bool
}

// fault is what is wrong.
type fault struct {
	facet facet
	text  string
}

// finding is what became of a scenario.
type finding struct {
	tickets []zendesktest.Ticket
	faults  []fault
	// columns of the table.
	ids, agents, length, audio, pops []string
}

func (j *finding) blame(f facet, format string, args ...any) {
	j.faults = append(j.faults, fault{f, fmt.Sprintf(format, args...)})
}

// judge looks at the tickets of all calls that belong to a row.
func (s *realSite) judge(row realRow) *finding {
	j := &finding{}
	calls := slices.DeleteFunc(s.pbx.Calls(), func(c lab.Call) bool { return row.rank(c) < 0 })
	slices.SortStableFunc(calls, func(a, b lab.Call) int { return cmp.Compare(row.rank(a), row.rank(b)) })
	for _, call := range calls {
		j.tickets = append(j.tickets, s.zendesk.TicketsByExternalID("hq/pbx1/"+call.Linkedid)...)
	}
	if len(calls) == 0 {
		j.blame(onTickets, "the PBX saw no such call")
	}
	if len(j.tickets) != len(row.tickets) {
		for _, ticket := range j.tickets {
			j.ids = append(j.ids, fmt.Sprintf("#%d via %d", ticket.ID, ticket.ViaID))
		}
		j.blame(onTickets, "%d, want %d", len(j.tickets), len(row.tickets))
		return j
	}
	for i, ticket := range j.tickets {
		s.judgeTicket(j, ticket, row.tickets[i])
		s.judgePops(j, ticket, row.tickets[i])
		s.judgeAudio(j, ticket, row.tickets[i])
		if row.tickets[i].linked {
			j.judgeLinks(ticket)
		}
	}
	return j
}

// judgeLinks wants one private note about each other ticket of the scenario.
func (j *finding) judgeLinks(ticket zendesktest.Ticket) {
	for _, other := range j.tickets {
		if other.ID == ticket.ID {
			continue
		}
		names := regexp.MustCompile(fmt.Sprintf(`#%d\b`, other.ID))
		notes := 0
		for _, comment := range ticket.Comments {
			if names.MatchString(comment.Body) && !comment.Public {
				notes++
			}
		}
		if notes != 1 {
			j.blame(onLink, "%d notes on #%d about #%d, want 1", notes, ticket.ID, other.ID)
		}
	}
}

var (
	agentsLine   = regexp.MustCompile(`(?m)^Agents: (.*)$`)
	durationLine = regexp.MustCompile(`(?m)^Duration: (.*)$`)
)

func (s *realSite) judgeTicket(j *finding, ticket zendesktest.Ticket, want wantTicket) {
	j.ids = append(j.ids, fmt.Sprintf("#%d via %d", ticket.ID, ticket.ViaID))
	if ticket.ViaID != want.via {
		j.blame(onVia, "%d, want %d", ticket.ViaID, want.via)
	}
	var text strings.Builder
	for _, comment := range ticket.Comments {
		text.WriteString(comment.Body + "\n")
	}
	if !strings.Contains(text.String(), want.text) {
		j.blame(onText, "%q does not stand in the ticket", want.text)
	}
	requester, _ := s.zendesk.User(ticket.RequesterID)
	if want.caller != nil {
		if wrong := want.caller(requester); wrong != "" {
			j.blame(onCaller, "%s", wrong)
		}
	}
	s.judgeAgents(j, ticket, text.String(), want)
	length := -1
	for _, voice := range ticket.VoiceComments() {
		length = voice.CallDuration
	}
	if line := durationLine.FindStringSubmatch(text.String()); length < 0 && line != nil {
		if d, err := time.ParseDuration(line[1]); err == nil {
			length = int(d.Seconds())
		}
	}
	j.length = append(j.length, fmt.Sprintf("%d s", length))
	if length < want.length[0] || length > want.length[1] {
		j.blame(onLength, "%d s, want %d to %d", length, want.length[0], want.length[1])
	}
}

// judgeAgents looks at who talked: the voice comment names the first, the
// assignee is the last, and the comment in words names all.
func (s *realSite) judgeAgents(j *finding, ticket zendesktest.Ticket, text string, want wantTicket) {
	first, last := "", ""
	if len(want.agents) > 0 {
		first, last = want.agents[0], want.agents[len(want.agents)-1]
	}
	if got := s.agents[ticket.AssigneeID]; got != last {
		j.blame(onAgents, "assigned to %q, want %q", got, last)
	}
	voices := ticket.VoiceComments()
	var named []string
	if lines := agentsLine.FindAllStringSubmatch(text, -1); lines != nil {
		named = strings.Split(strings.ReplaceAll(lines[len(lines)-1][1], "Agent ", ""), ", ")
		// A voice comment has no words: then only the comment of the answer names
		// agents, and who came later is the assignee.
		wanted := want.agents
		if len(voices) > 0 {
			wanted = wanted[:min(len(named), len(wanted))]
		}
		if !slices.Equal(named, wanted) {
			j.blame(onAgents, "%v are named, want %v", named, wanted)
		}
	}
	for _, voice := range voices {
		if got := s.agents[voice.AnsweredByID]; got != first {
			j.blame(onAgents, "answered by %q, want %q", got, first)
		}
	}
	if named == nil && len(voices) == 0 && len(want.agents) > 0 {
		j.blame(onAgents, "nobody is named, want %v", want.agents)
	}
	j.agents = append(j.agents, orDash(strings.Join(cmpOr(named, s.agents[ticket.AssigneeID]), ",")))
}

// cmpOr is list, or if it is empty what is given instead.
func cmpOr(list []string, instead string) []string {
	if len(list) > 0 || instead == "" {
		return list
	}
	return []string{instead}
}

func (s *realSite) judgePops(j *finding, ticket zendesktest.Ticket, want wantTicket) {
	var shown []string
	for _, pop := range s.zendesk.Pops() {
		if pop.TicketID != ticket.ID {
			continue
		}
		extension := s.agents[pop.AgentID]
		shown = append(shown, extension)
		latency, known := s.latency(extension, pop.At)
		if !known {
			j.pops = append(j.pops, extension)
			continue
		}
		j.pops = append(j.pops, fmt.Sprintf("%s in %d ms", extension, latency.Milliseconds()))
		if latency > realPopWithin {
			j.blame(onPops, "%s only after %s", extension, latency)
		}
	}
	if !slices.Equal(shown, want.pops) {
		j.blame(onPops, "%v, want %v", shown, want.pops)
	}
}

// latency is from the moment that the PBX joined the agent with somebody to the
// page in his browser; not known where a caller's forged events hide it.
func (s *realSite) latency(extension string, shown time.Time) (time.Duration, bool) {
	for _, at := range slices.Backward(s.pbx.Talks(extension)) {
		if d := shown.Sub(at); d >= 0 {
			return d, true
		}
	}
	return 0, false
}

func (s *realSite) judgeAudio(j *finding, ticket zendesktest.Ticket, want wantTicket) {
	on, tones := onRecording, []float64{lab.CallerTone, lab.AgentTone}
	if want.via == 44 {
		on, tones = onAudio, tones[:1]
	}
	link := ""
	for _, voice := range ticket.VoiceComments() {
		link = voice.RecordingURL
	}
	switch {
	case link == "" && (want.voicemail || want.recording):
		j.blame(on, "there is no link")
	case link != "" && want.mayRecord: // the PBX died over it
	case link != "" && !want.voicemail && !want.recording:
		j.blame(on, "there is a link, want none")
	case link != "":
		wrong := ""
		if s.heard[link] == "" {
			if s.heard[link], wrong = s.hear(link, tones); wrong != "" {
				delete(s.heard, link)
				j.blame(on, "%s", wrong)
			}
		}
		j.audio = append(j.audio, s.heard[link])
	}
}

// hear fetches audio as a browser does and says what is to be heard, and what is
// wrong with it: one tone alone must be most of it, several must each be more
// than noise.
func (s *realSite) hear(link string, tones []float64) (heard, wrong string) {
	r := request(s.t, http.MethodGet, link, nil)
	if kind := r.header.Get("Content-Type"); r.status != http.StatusOK || kind != "audio/wav" {
		return "", fmt.Sprintf("status %d, %s", r.status, kind)
	}
	part := request(s.t, http.MethodGet, link, http.Header{"Range": {"bytes=44-99"}})
	if part.status != http.StatusPartialContent || !slices.Equal(part.body, r.body[44:100]) {
		return "", fmt.Sprintf("a part: status %d, %d bytes", part.status, len(part.body))
	}
	samples, wrong := decodeWAV(r.body)
	if wrong != "" {
		return "", wrong
	}
	heard, least := fmt.Sprintf("%.1f s", float64(len(samples))/8000), 0.5
	if len(tones) > 1 {
		least = 0.05
	}
	for _, hertz := range tones {
		share := toneShare(samples, hertz)
		heard += fmt.Sprintf(", %.0f Hz %.0f%%", hertz, 100*share)
		if share < least {
			wrong = fmt.Sprintf("only %.0f%% of it is at %.0f Hz", 100*share, hertz)
		}
	}
	return heard, wrong
}

// decodeWAV reads 16-bit mono audio at 8 kHz, as Asterisk writes it.
func decodeWAV(data []byte) (samples []float64, wrong string) {
	if len(data) < 44 || string(data[:4]) != "RIFF" || string(data[8:16]) != "WAVEfmt " || string(data[36:40]) != "data" ||
		binary.LittleEndian.Uint16(data[22:]) != 1 || binary.LittleEndian.Uint32(data[24:]) != 8000 || binary.LittleEndian.Uint16(data[34:]) != 16 {
		return nil, "no WAV with 16 bits at 8 kHz"
	}
	for at := 44; at+1 < len(data); at += 2 {
		samples = append(samples, float64(int16(binary.LittleEndian.Uint16(data[at:]))))
	}
	if len(samples) < 8000 {
		return nil, fmt.Sprintf("only %d samples", len(samples))
	}
	return samples, ""
}

// toneShare is which part of the power of audio is at one frequency: in windows
// of a tenth of a second, by the discrete Fourier transform.
func toneShare(samples []float64, hertz float64) float64 {
	const window = 800
	var total, at float64
	for part := range slices.Chunk(samples, window) {
		var re, im float64
		for i, v := range part {
			sin, cos := math.Sincos(2 * math.Pi * hertz * float64(i) / 8000)
			re, im, total = re+v*cos, im+v*sin, total+v*v
		}
		at += 2 * (re*re + im*im) / float64(len(part))
	}
	if total == 0 {
		return 0
	}
	return at / total
}

// verdict waits until all is as it should be and nothing is owed any more, prints
// the table, and fails if anything is wrong.
func (s *realSite) verdict(daemon *child, rows []realRow) {
	s.t.Helper()
	s.awaitRows(rows)
	var out strings.Builder
	table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "SCENARIO\tTICKETS\tAGENTS\tLENGTH\tAUDIO\tPOPS\tVERDICT")
	var wrong []string
	tickets := 0
	for _, row := range rows {
		j := s.judge(row)
		tickets += len(j.tickets)
		ill, text := j.wrong(), "ok"
		if len(ill) > 0 {
			text = "WRONG: " + strings.Join(ill, "; ")
			wrong = append(wrong, row.name+": "+strings.Join(ill, "; "))
		}
		column := func(parts []string) string { return orDash(strings.Join(parts, ", ")) }
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n",
			row.name, column(j.ids), column(j.agents), column(j.length), column(j.audio), column(j.pops), text)
	}
	_ = table.Flush()
	s.t.Logf("%d calls of the PBX, %d scenarios, %d tickets, %d pops\n%s",
		len(s.pbx.Calls()), len(rows), len(s.zendesk.Tickets()), len(s.zendesk.Pops()), &out)
	if tickets != len(s.zendesk.Tickets()) {
		wrong = append(wrong, fmt.Sprintf("%d tickets belong to no scenario", len(s.zendesk.Tickets())-tickets))
	}
	require.Empty(s.t, wrong, "talkbridge:\n%s", daemon.log)
	daemon.stop(s.t)
	require.Len(s.t, s.zendesk.Tickets(), tickets, "nothing came afterwards")
	require.Empty(s.t, s.zendesk.Duplicates())
}

// awaitRows waits until every row is right and settled, or patience is over.
func (s *realSite) awaitRows(rows []realRow) {
	patience := time.NewTimer(realPatience)
	defer patience.Stop()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		right := !slices.ContainsFunc(rows, func(row realRow) bool {
			return len(s.judge(row).faults) > 0
		})
		if right && !slices.ContainsFunc(s.listed(), func(r callRow) bool { return !r.Settled }) {
			return
		}
		select {
		case <-patience.C:
			return
		case <-tick.C:
		}
	}
}

// wrong says what is not as it should be.
func (j *finding) wrong() []string {
	var wrong []string
	for _, f := range j.faults {
		wrong = append(wrong, string(f.facet)+": "+f.text)
	}
	return wrong
}
