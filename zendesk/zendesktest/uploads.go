package zendesktest

import (
	"bytes"
	"crypto/rand"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"
)

const (
	uploadsPath     = "/api/v2/uploads"
	attachmentsPath = "/attachments/token/"
	// maxUploadBytes is the largest file that Zendesk takes: 50 MB.
	maxUploadBytes = 50 << 20
	// maxUploads is how many files are kept.
	maxUploads = 200
)

// Uploaded is a file that was uploaded. Its content must not be changed.
type Uploaded struct {
	Token, Name, ContentType string
	// ContentURL is where the server serves it while it listens.
	ContentURL string
	Content    []byte
	At         time.Time
}

// Uploads returns the newest 200 files that were uploaded, oldest first.
func (s *Server) Uploads() []Uploaded {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.acct.uploads)
}

// upload is POST /uploads: the body is the file.
func (a *account) upload(c *call) reply {
	name := c.query.Get("filename")
	if name == "" || len(c.body) == 0 {
		return titled(http.StatusBadRequest, "Invalid attribute", "You must give a filename and a file.")
	}
	token := rand.Text()
	up := Uploaded{
		Token: token, Name: name, ContentType: c.header.Get("Content-Type"), Content: c.body, At: c.now,
		ContentURL: c.base + attachmentsPath + token + "/" + path.Base(name),
	}
	a.uploads = append(a.uploads, up)
	a.uploads = a.uploads[max(0, len(a.uploads)-maxUploads):]
	c.committed = true
	attachment := map[string]any{
		"id": a.nextEventID(), "file_name": name, "content_type": up.ContentType, "content_url": up.ContentURL,
		"size": len(up.Content), "inline": false, "thumbnails": []any{},
	}
	return created(map[string]any{"upload": map[string]any{
		"token": token, "attachment": attachment, "attachments": []any{attachment},
	}})
}

// serveAttachment serves an uploaded file to whoever knows its address, as Zendesk does to the users of the account
// until the file is attached to something.
func (s *Server) serveAttachment(w http.ResponseWriter, r *http.Request) {
	token, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, attachmentsPath), "/")
	for _, up := range s.Uploads() {
		if up.Token == token {
			w.Header().Set("Content-Type", up.ContentType)
			http.ServeContent(w, r, up.Name, up.At, bytes.NewReader(up.Content))
			return
		}
	}
	http.NotFound(w, r)
}

// bodyLimit is how large the body of a request may be.
func bodyLimit(r *http.Request) int64 {
	if normalPath(r.URL.Path) == uploadsPath {
		return maxUploadBytes
	}
	return maxBodyBytes
}
