package zendesktest

import (
	"encoding/json"
	"maps"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// call is a request that was read whole; it can be answered after its connection has gone.
type call struct {
	method, path string // path without .json and without a slash at the end
	rawPath      string
	query        url.Values
	rawQuery     string
	header       http.Header
	base, ip     string
	body         []byte

	now       time.Time // the account's time at which it is answered
	params    []int64   // the ids in the path
	user      *User     // nil for an anonymous request
	userID    int64     // the id of user, for the log
	committed bool      // set by an operation that changed something
	unheard   bool      // its answer reaches nobody
	started   time.Time // when it had been read
	entry     *Request  // in the log of requests; nil for a late commit
}

func newCall(r *http.Request, body []byte) *call {
	ip, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		ip = r.RemoteAddr
	}
	// A raw + in the query is a space, as everywhere on the web; malformed pairs are dropped.
	return &call{
		method: r.Method, path: normalPath(r.URL.Path), rawPath: r.URL.Path, query: r.URL.Query(), rawQuery: r.URL.RawQuery,
		header: r.Header, base: "http://" + r.Host, ip: ip, body: body,
	}
}

// normalPath drops the .json suffix that every operation also answers to.
func normalPath(p string) string {
	return strings.TrimSuffix(strings.TrimSuffix(p, "/"), ".json")
}

// detached returns a copy that may be used after the handler has returned.
func (c *call) detached() *call {
	d := *c
	d.entry = nil
	d.header, d.query = c.header.Clone(), maps.Clone(c.query)
	return &d
}

type headerField struct{ name, value string }

// reply is an answer in the making. v is encoded as JSON when raw is nil.
type reply struct {
	status      int
	header      []headerField
	contentType string
	v           any
	raw         []byte
}

func ok(v any) reply      { return reply{status: http.StatusOK, v: v} }
func created(v any) reply { return reply{status: http.StatusCreated, v: v} }

// bare is an answer with an empty body.
func bare(status int) reply { return reply{status: status, raw: []byte{}} }

func (r *reply) with(name, value string) { r.header = append(r.header, headerField{name, value}) }

// encode renders v once; it is done outside the account's lock where possible.
func (r *reply) encode() {
	if r.raw != nil || r.v == nil {
		return
	}
	b, err := json.Marshal(r.v)
	if err != nil {
		r.status, b = http.StatusInternalServerError, []byte(`{"error":"InternalError"}`)
	}
	r.raw = b
}

// write sends the answer; a cut one ends in the middle of its body.
func (r *reply) write(w http.ResponseWriter, cut bool) {
	h := w.Header()
	for _, f := range r.header {
		h.Set(f.name, f.value)
	}
	if len(r.raw) > 0 {
		ct := r.contentType
		if ct == "" {
			ct = "application/json; charset=utf-8"
		}
		h.Set("Content-Type", ct)
	}
	h.Set("Content-Length", strconv.Itoa(len(r.raw)))
	w.WriteHeader(r.status)
	if cut {
		_, _ = w.Write(r.raw[:len(r.raw)/2]) // The connection is cut anyway.
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(r.raw) // A client that has gone is not our loss.
}

// findOperation returns the operation for the request and the ids in its path. A segment that is no id where one is
// wanted gives badID.
func findOperation(method, path string) (op *operation, ids []int64, badID bool) {
	segs := strings.Split(strings.Trim(path, "/"), "/")
	for i := range operations {
		if operations[i].method != method {
			continue
		}
		ids, matched, bad := matchPattern(operations[i].pattern, segs)
		if matched {
			return &operations[i], ids, bad
		}
	}
	return nil, nil, false
}

func matchPattern(pattern string, segs []string) (ids []int64, matched, badID bool) {
	i := 0
	for want := range strings.SplitSeq(strings.Trim(pattern, "/"), "/") {
		if i >= len(segs) {
			return nil, false, false
		}
		switch {
		case want == "{id}":
			id, err := strconv.ParseInt(segs[i], 10, 64)
			if err != nil {
				if reservedSegment(segs[i]) {
					return nil, false, false
				}
				badID = true
			}
			ids = append(ids, id)
		case want != segs[i]:
			return nil, false, false
		}
		i++
	}
	return ids, i == len(segs), badID
}

// reservedSegment says that the segment is an operation's name and never an id.
func reservedSegment(s string) bool {
	return slices.Contains([]string{"me", "search", "show_many", "create_or_update"}, s)
}

// dispatch authenticates, applies the plan and its limits, and runs the operation.
func (a *account) dispatch(c *call) reply {
	op, ids, badID := findOperation(c.method, c.path)
	if op == nil {
		return failure(http.StatusNotFound, "InvalidEndpoint", "Not found")
	}
	c.params = ids
	denied := a.authenticate(c, op)
	if c.user != nil {
		c.userID = c.user.ID
	}
	if denied != nil {
		return *denied
	}
	rep, limited := a.limit(c, op)
	if limited {
		return rep
	}
	var out reply
	switch {
	case op.voice && !a.cfg.voice:
		out = titled(a.cfg.voiceRefusal, "Forbidden", "Talk Partner Edition is not enabled for this account.")
	case badID && op.voice:
		out = bare(http.StatusNotFound)
	case badID:
		out = invalidAttribute("id", "an integer")
	default:
		out = op.run(a, c)
	}
	out.header = append(out.header, rep.header...)
	return out
}

// failure is the plain error envelope of Zendesk.
func failure(status int, code, description string) reply {
	return reply{status: status, v: map[string]string{"error": code, "description": description}}
}

// titled is the nested error envelope that some endpoints use.
func titled(status int, title, message string) reply {
	return reply{status: status, v: map[string]any{"error": map[string]string{"title": title, "message": message}}}
}

func notFound() reply { return failure(http.StatusNotFound, "RecordNotFound", "Not found") }

func invalidAttribute(key, want string) reply {
	return titled(http.StatusBadRequest, "Invalid attribute",
		"You passed an invalid value for the "+key+" attribute. Invalid parameter: "+key+" must be "+want)
}

// problem is one entry of a 422 envelope.
type problem struct {
	Description string `json:"description"`
	Error       string `json:"error,omitempty"`
}

// problems are the details of a 422 envelope, by field.
type problems map[string][]problem

func (p problems) add(field, code, description string) {
	p[field] = append(p[field], problem{Description: description, Error: code})
}

func (p problems) reply() reply {
	return reply{status: http.StatusUnprocessableEntity, v: map[string]any{
		"error": "RecordInvalid", "description": "Record validation errors", "details": p,
	}}
}

// decode reads the request body as an object. A missing Content-Type is taken for JSON; a form is read with Rails'
// brackets (ticket[subject]=…); any other type is refused with 415.
func (c *call) decode() (object, *reply) {
	ct := c.header.Get("Content-Type")
	kind, _, err := mime.ParseMediaType(ct)
	switch {
	case ct == "" || err == nil && (kind == "application/json" || strings.HasSuffix(kind, "+json")):
		o, err := parseObject(c.body)
		if err != nil {
			rep := titled(http.StatusBadRequest, "Invalid JSON", "The request body is not a JSON object: "+err.Error())
			return nil, &rep
		}
		return o, nil
	case kind == "application/x-www-form-urlencoded":
		return parseForm(string(c.body)), nil
	}
	rep := failure(http.StatusUnsupportedMediaType, "UnsupportedMediaType", "Send application/json")
	return nil, &rep
}

// wrapped decodes the body and returns the object under key.
func (c *call) wrapped(key string) (whole, inner object, bad *reply) {
	whole, bad = c.decode()
	if bad != nil {
		return nil, nil, bad
	}
	m, isObject := whole[key].(map[string]any)
	if !isObject {
		rep := invalidAttribute(key, "an object")
		return nil, nil, &rep
	}
	return whole, m, nil
}
