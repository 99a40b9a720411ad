package twilio

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// fakeAPI is as much of Twilio's API as a source asks. It is safe for concurrent
// use.
type fakeAPI struct {
	server *httptest.Server

	mu         sync.Mutex
	calls      map[string]map[string]any
	recordings []map[string]any
	queries    []string // of the lists
	perPage    int
	asked      []string
	refuse     int // answers so much instead
}

func newFakeAPI(t testing.TB) *fakeAPI {
	t.Helper()
	f := &fakeAPI{calls: map[string]map[string]any{}}
	f.server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.server.Close)
	return f
}

// call is a record as Calls.json has it.
func (f *fakeAPI) call(n string, fields map[string]any) {
	record := map[string]any{
		"sid": id("CA", n), "account_sid": account, "from": caller, "to": did, "direction": "inbound", "status": "in-progress",
		"start_time": "Sun, 22 Nov 2026 09:00:00 +0000", "date_created": "Sun, 22 Nov 2026 09:00:00 +0000",
	}
	maps.Copy(record, fields)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[id("CA", n)] = record
}

func (f *fakeAPI) questions() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.asked...)
}

func (f *fakeAPI) serve(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, r.URL.Path)
	user, password, _ := r.BasicAuth()
	w.Header().Set("Content-Type", "application/json")
	name := strings.TrimSuffix(r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:], ".json")
	switch {
	case f.refuse != 0:
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(f.refuse)
	case user != account || password != token:
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"code": 20003, "message": "Authenticate", "status": 401}`))
	case name == "Calls":
		var all []map[string]any
		for _, sid := range slices.Sorted(maps.Keys(f.calls)) {
			if asks(r, f.calls[sid]) {
				all = append(all, f.calls[sid])
			}
		}
		f.list(w, r, "calls", all)
	case name == "Recordings":
		f.list(w, r, "recordings", f.recordings)
	case f.calls[name] != nil:
		_ = json.NewEncoder(w).Encode(f.calls[name])
	default:
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"code": 20404, "message": "The requested resource was not found", "status": 404}`))
	}
}

// asks reports whether a list of calls is to have a record.
func asks(r *http.Request, record map[string]any) bool {
	for key, field := range map[string]string{"To": "to", "ParentCallSid": "parent_call_sid"} {
		if want := r.URL.Query().Get(key); want != "" && record[field] != want {
			return false
		}
	}
	return true
}

// list answers one page. Between two pages the list moves by one: a record comes
// twice.
func (f *fakeAPI) list(w http.ResponseWriter, r *http.Request, key string, all []map[string]any) {
	f.queries = append(f.queries, r.URL.RawQuery)
	from, _ := strconv.Atoi(r.URL.Query().Get("PageToken"))
	to := len(all)
	answer := map[string]any{"page_size": f.perPage}
	if f.perPage > 0 && from+f.perPage < len(all) {
		to = from + f.perPage
		answer["next_page_uri"] = r.URL.Path + "?PageSize=2&Page=1&PageToken=" + strconv.Itoa(to-1)
	}
	answer[key] = all[from:to]
	_ = json.NewEncoder(w).Encode(answer)
}

func sha256Of(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
