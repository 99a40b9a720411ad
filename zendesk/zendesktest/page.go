package zendesktest

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"path"
	"strconv"
	"time"
)

//go:embed page
var pageFiles embed.FS

var pageTemplates = template.Must(template.New("").Funcs(template.FuncMap{
	"clock":    func(t time.Time) string { return t.UTC().Format("15:04:05") },
	"datetime": func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
}).ParseFS(pageFiles, "page/*.html"))

// pages serves the agents' browsers and the overview. Nothing in them can be changed; all of it is read from the
// account. Names and texts come from callers, so that templates escape everything, and the policy forbids any script
// but our own file.
type pages struct {
	s       *Server
	mux     *http.ServeMux
	streams chan struct{} // one token for each open event stream
}

// maxStreams bounds the open event streams.
const maxStreams = 256

const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
	"media-src http: https:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

func newPages(s *Server) http.Handler {
	p := &pages{s: s, mux: http.NewServeMux(), streams: make(chan struct{}, maxStreams)}
	p.mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { p.render(w, "overview.html", s.overview()) })
	p.mux.HandleFunc("GET /events", p.streamOverview)
	p.mux.HandleFunc("GET /agent/{$}", func(w http.ResponseWriter, _ *http.Request) { p.render(w, "agents.html", s.overview()) })
	p.mux.HandleFunc("GET /agent/{id}", p.withAgent(func(w http.ResponseWriter, _ *http.Request, id int64) {
		view, _ := s.workspace(id, nil)
		p.render(w, "agent.html", view)
	}))
	p.mux.HandleFunc("GET /agent/{id}/events", p.withAgent(p.streamAgent))
	p.mux.HandleFunc("GET /assets/{file}", serveAsset)
	return p
}

func (p *pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	p.mux.ServeHTTP(w, r)
}

func (p *pages) render(w http.ResponseWriter, name string, view any) {
	html, err := fragment(name, view)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write([]byte(html)) // A browser that has gone is not our loss.
}

// fragment renders one template.
func fragment(name string, view any) (string, error) {
	var b bytes.Buffer
	err := pageTemplates.ExecuteTemplate(&b, name, view)
	return b.String(), err
}

// withAgent answers 404 for whoever is no agent.
func (p *pages) withAgent(next func(http.ResponseWriter, *http.Request, int64)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
		u, found := p.s.User(id)
		if err != nil || !found || u.Role == RoleEndUser {
			http.NotFound(w, r)
			return
		}
		next(w, r, id)
	}
}

var assetTypes = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
}

func serveAsset(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	kind, served := assetTypes[path.Ext(name)]
	if !served {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", kind)
	http.ServeFileFS(w, r, pageFiles, "page/"+path.Base(name))
}
