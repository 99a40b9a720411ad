package twiliotest

import (
	"encoding/hex"
	"hash/fnv"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// recordings are the operations on Recordings.
func (c *call) recordings(rest []string) reply {
	if len(rest) == 0 && c.method == http.MethodGet {
		return c.listRecordings()
	}
	if len(rest) != 1 {
		return notFound(c)
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	r := c.s.byRecording[rest[0]]
	switch {
	case r == nil || !r.deleted.IsZero() && c.query.Get("IncludeSoftDeleted") != "true":
		return notFound(c)
	case c.method == http.MethodDelete:
		r.deleted = c.s.clock.now()
		return reply{status: http.StatusNoContent}
	case c.method == http.MethodGet:
		return reply{status: http.StatusOK, value: r.wire(c.s.clock.now())}
	}
	return notFound(c)
}

// wire is the recording as a resource, as it was at a time; the caller holds the lock.
//
// Twilio docs: voice/api/recording.
func (r *recording) wire(by time.Time) map[string]any {
	uri := accountPath(r.s.config.AccountSID) + "/Recordings/" + r.sid
	status, duration := "processing", "-1"
	if !r.ready.IsZero() && !r.ready.After(by) {
		status, duration = "completed", strconv.Itoa(r.seconds())
	}
	var code any
	if r.absent != 0 && status == "completed" {
		status, code = "absent", r.absent
	}
	if !r.deleted.IsZero() {
		status = "deleted"
	}
	media := r.s.URL() + uri
	if r.s.config.Media.External {
		media = r.s.MediaURL() + "/" + r.sid
	}
	return map[string]any{
		"sid": r.sid, "account_sid": r.s.config.AccountSID, "call_sid": orNil(r.call), "conference_sid": orNil(r.conference),
		"date_created": stamp(r.started), "date_updated": stamp(r.started), "start_time": stamp(r.started), "duration": duration,
		"status": status, "channels": r.channels, "source": r.source, "error_code": code, "price": nil, "price_unit": "USD",
		"api_version": apiVersion, "encryption_details": nil, "uri": uri + ".json", "media_url": media,
		"subresource_uris": map[string]string{"transcriptions": uri + "/Transcriptions.json"},
	}
}

// listRecordings lists newest first, as of some time ago.
func (c *call) listRecordings() reply {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	made := daysOf(c.query, "DateCreated")
	by := c.s.clock.now().Add(-c.s.config.ListLag)
	all := slices.Clone(c.s.recordings)
	slices.SortStableFunc(all, func(a, b *recording) int { return b.started.Compare(a.started) })
	all = slices.DeleteFunc(all, func(r *recording) bool {
		is := func(key, value string) bool { return c.query.Get(key) == "" || c.query.Get(key) == value }
		return r.started.After(by) || !made.has(r.started) || !is("CallSid", r.call) || !is("ConferenceSid", r.conference) ||
			!r.deleted.IsZero() && c.query.Get("IncludeSoftDeleted") != "true"
	})
	return listing(c, "recordings", all, func(r *recording) any { return r.wire(by) })
}

// medium is the sound of a recording: WAV if no extension is named.
func (c *call) medium(sid string) reply {
	if c.method != http.MethodGet && c.method != http.MethodHead {
		return notFound(c)
	}
	m := c.s.config.Media
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	r := c.s.byRecording[sid]
	switch {
	case r == nil || r.ready.IsZero() || r.absent != 0 || !r.deleted.IsZero():
		return notFound(c)
	case c.s.missed[sid] < m.Missing:
		c.s.missed[sid]++
		return notFound(c)
	case m.Redirect || m.External:
		return reply{status: http.StatusTemporaryRedirect, header: http.Header{
			"Location": {c.s.MediaURL() + "/" + sid + c.ext + "?Expires=" + strconv.FormatInt(c.s.clock.now().Add(4*time.Hour).Unix(), 10)},
		}}
	}
	return r.sound(c.ext)
}

// sound is the recording as a file; the caller holds the lock.
func (r *recording) sound(ext string) reply {
	length := max(r.length, 100*time.Millisecond)
	switch ext {
	case "", ".wav":
		return reply{status: http.StatusOK, contentType: "audio/x-wav", raw: WAV(r.sid, length, r.channels)}
	case ".mp3":
		return reply{status: http.StatusOK, contentType: "audio/mpeg", raw: MP3(r.sid, length)}
	}
	return problem(http.StatusNotFound, 20404, "The requested resource was not found")
}

// serveStorage is the second host: it wants no login, and counts those that bring one.
func (s *Server) serveStorage(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/")
	sid, ext, found := strings.Cut(name, ".")
	if found {
		ext = "." + ext
	}
	s.mu.Lock()
	if r.Header.Get("Authorization") != "" {
		s.leaks++
	}
	rep := problem(http.StatusNotFound, 20404, "The requested resource was not found")
	if known := s.byRecording[sid]; known != nil && !known.ready.IsZero() && known.absent == 0 {
		rep = known.sound(ext)
	}
	s.mu.Unlock()
	effect := s.faults.meet(r.Method, "/media/"+name)
	switch effect.kind {
	case dropsBefore, dropsAfter:
		panic(http.ErrAbortHandler)
	case answers:
		rep = effect.reply
	case harmless, truncates:
	}
	rep.write(w, effect.kind == truncates)
}

// LeakedLogins is how many requests brought a login to the second host, which has no business with it.
func (s *Server) LeakedLogins() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.leaks
}

// Recording is one recording resource as it stands.
type Recording struct {
	SID, CallSID, ConferenceSID string
	Source                      string
	Length                      time.Duration
	// Ready says that it can be fetched. Absent is the code of why it never can.
	Ready  bool
	Absent int
}

// Recordings are all of them, in the order of their beginnings.
func (s *Server) Recordings() []Recording {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Recording, 0, len(s.recordings))
	for _, r := range s.recordings {
		out = append(out, Recording{r.sid, r.call, r.conference, r.source, r.length, !r.ready.IsZero() && r.absent == 0, r.absent})
	}
	return out
}

// numberSID is the same for the same number, whatever the seed.
func numberSID(number string) string {
	h := fnv.New128a()
	_, _ = h.Write([]byte(number)) // a hash never fails
	return "PN" + hex.EncodeToString(h.Sum(nil))
}
