package zendesktest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// How the event streams behave.
const (
	streamBuffer  = 256                    // changes a stream may lag before it starts over
	streamBeat    = 15 * time.Second       // a comment that keeps the connection alive
	streamWrite   = 10 * time.Second       // how long a browser may take to read
	overviewEvery = 250 * time.Millisecond // at most that often is the overview drawn anew
)

// stream is one browser that listens to server-sent events.
type stream struct {
	w  http.ResponseWriter
	rc *http.ResponseController
}

// open begins an event stream; nil if there are too many, which is answered with 503.
func (p *pages) open(w http.ResponseWriter) (st *stream, done func()) {
	select {
	case p.streams <- struct{}{}:
	default:
		http.Error(w, "too many event streams", http.StatusServiceUnavailable)
		return nil, nil
	}
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	return &stream{w: w, rc: http.NewResponseController(w)}, func() { <-p.streams }
}

// send writes one event; data is encoded as JSON in one line.
func (st *stream) send(event string, data any) error {
	b, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	return st.write("event: " + event + "\ndata: " + string(b) + "\n\n")
}

func (st *stream) write(s string) error {
	_ = st.rc.SetWriteDeadline(time.Now().Add(streamWrite)) // Not every ResponseWriter has deadlines.
	if _, err := st.w.Write([]byte(s)); err != nil {
		return fmt.Errorf("write event: %w", err)
	}
	if err := st.rc.Flush(); err != nil {
		return fmt.Errorf("flush event: %w", err)
	}
	return nil
}

// piece is a part of the page that replaces the one with the same id.
type piece struct {
	HTML string `json:"html"`
}

func (st *stream) sendPiece(event, template string, view any) error {
	html, err := fragment(template, view)
	if err != nil {
		return err
	}
	return st.send(event, piece{HTML: html})
}

// opened tells the browser to bring a tab to the front. AgeMillis is how long ago the request for it was answered.
// The event's id is the number of the pop, so that a browser that connects again says what it has seen.
type opened struct {
	Key       string  `json:"key"`
	Title     string  `json:"title"`
	AgeMillis float64 `json:"age_ms"`
}

// streamOverview draws the overview anew after changes, a few times a second at most.
func (p *pages) streamOverview(w http.ResponseWriter, r *http.Request) {
	st, done := p.open(w)
	if st == nil {
		return
	}
	defer done()
	ctx, cancel := mergeDone(r.Context(), p.s.life)
	defer cancel()
	tick := time.NewTicker(overviewEvery)
	defer tick.Stop()
	var drawn [3]int64
	beat := time.Now()
	for first := true; ; first = false {
		var err error
		switch version := p.s.version(); {
		case first || version != drawn:
			drawn = version
			err = st.sendPiece("overview", "overview-body", p.s.overview())
		case time.Since(beat) > streamBeat:
			beat = time.Now()
			err = st.write(": beat\n\n")
		}
		if err != nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// version differs whenever the overview does.
func (s *Server) version() [3]int64 {
	requests, late := s.log.count(), int64(s.late.pending())
	s.mu.Lock()
	defer s.mu.Unlock()
	return [3]int64{requests, late, s.acct.hub.seq}
}

// streamAgent shows an agent's pops as they arrive, and keeps the open pages up to date.
func (p *pages) streamAgent(w http.ResponseWriter, r *http.Request, agentID int64) {
	st, done := p.open(w)
	if st == nil {
		return
	}
	defer done()
	ctx, cancel := mergeDone(r.Context(), p.s.life)
	defer cancel()
	b := &browser{stream: st, s: p.s, agentID: agentID, seen: seenPop(r)}
	for ctx.Err() == nil {
		if err := b.follow(ctx); !errors.Is(err, errLagging) {
			return
		}
	}
}

// seenPop is the number of the newest pop that the browser knows: from its last connection, or from its page.
func seenPop(r *http.Request) int64 {
	id := r.Header.Get("Last-Event-ID")
	if id == "" {
		id = r.URL.Query().Get("seen")
	}
	seen, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return 0 // It knows none.
	}
	return seen
}

// browser is the event stream of one agent's page.
type browser struct {
	*stream
	s       *Server
	agentID int64
	seen    int64 // the newest pop that the browser has opened
}

// follow draws all, and then what changes, until ctx ends or the browser lags.
func (b *browser) follow(ctx context.Context) error {
	changes, unsubscribe := b.s.Subscribe(streamBuffer)
	defer unsubscribe()
	beat := time.NewTicker(streamBeat)
	defer beat.Stop()
	err := b.draw(nil)
	for err == nil {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-beat.C:
			err = b.write(": beat\n\n")
		case c, subscribed := <-changes:
			if !subscribed {
				return errLagging
			}
			err = b.show(drain(changes, c))
		}
	}
	return err
}

// errLagging says that the stream missed changes and must draw everything anew.
var errLagging = errors.New("stream lags")

// drain takes what else is waiting, so that a burst is drawn once.
func drain(changes <-chan Change, first Change) []Change {
	out := []Change{first}
	for len(out) < streamBuffer {
		select {
		case c, open := <-changes:
			if !open {
				return out
			}
			out = append(out, c)
		default:
			return out
		}
	}
	return out
}

// show draws what the changes touch: the pages of changed tickets, the profiles of their requesters, and the profiles
// and tickets of changed users.
func (b *browser) show(changes []Change) error {
	tickets, profiles, people := map[int64]bool{}, map[int64]bool{}, map[int64]bool{}
	for _, c := range changes {
		if c.Kind == ChangePop && c.AgentID != b.agentID {
			continue
		}
		tickets[c.TicketID], profiles[c.UserID] = true, true
		if c.Kind == ChangeUser {
			people[c.UserID] = true
		}
	}
	delete(tickets, 0)
	delete(profiles, 0)
	if len(tickets)+len(profiles) == 0 {
		return nil
	}
	return b.draw(func(p Pop, requester int64) bool {
		return tickets[p.TicketID] || profiles[p.UserID] || people[requester]
	})
}

// draw sends the tabs and the panels that are wanted, and opens the newest pop if the browser has not yet. Nothing is
// sent where nothing is wanted; a nil wanted wants all.
func (b *browser) draw(wanted func(p Pop, requester int64) bool) error {
	v, found := b.s.workspace(b.agentID, wanted)
	if !found || wanted != nil && len(v.Panels) == 0 {
		return nil
	}
	if err := b.sendPiece("tabs", "tabs", v); err != nil {
		return err
	}
	for i := range v.Panels {
		if err := b.sendPiece("panel", "panel", v.Panels[i]); err != nil {
			return err
		}
	}
	if v.Newest.Seq <= b.seen {
		return nil
	}
	b.seen = v.Newest.Seq
	age := float64(b.s.Now().Sub(v.Newest.At).Microseconds()) / 1000
	if err := b.write(fmt.Sprintf("id: %d\n", b.seen)); err != nil {
		return err
	}
	return b.send("pop", opened{Key: v.Tabs[0].Key, Title: v.Tabs[0].Title, AgeMillis: age})
}
