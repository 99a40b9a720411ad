package zendesk

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// MaxUpload is the largest file that Zendesk takes, in bytes: 50 MB.
//
// Zendesk docs: https://developer.zendesk.com/documentation/voice/talk-partner-edition/storing-a-call-recording/
const MaxUpload = 50 << 20

// uploadTimeout is how long an upload may take at least: [MaxUpload] at 3 Mbit a second.
const uploadTimeout = 2 * time.Minute

// Upload is a file that Zendesk has taken.
type Upload struct {
	// Token attaches the file to a comment, within an hour.
	Token string
	// ContentURL is where the file is; every user of the account who has the address can read it until the token is
	// used.
	ContentURL string
}

// UploadFile stores a file of at most [MaxUpload] bytes with Zendesk. The name's extension and the content type must
// say what it is. Uploading again stores it again.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/ticketing/tickets/ticket-attachments/#upload-files
//
//api:operation POST /api/v2/uploads
func (c *Client) UploadFile(ctx context.Context, name, contentType string, content []byte) (Upload, error) {
	op := operation{"UploadFile", http.MethodPost, "/api/v2/uploads"}
	in := input{op: op}
	if len(content) == 0 {
		in.refuse("body", "is empty")
	}
	if in.size("body", len(content), MaxUpload, "bytes"); in.err != nil {
		return Upload{}, in.err
	}
	if name == "" || !printable(name) || strings.ContainsAny(name, `/\`) {
		return Upload{}, &InputError{Operation: op.name, Field: "filename", Problem: "want a name of printable characters without a folder"}
	}
	if major, _, ok := strings.Cut(contentType, "/"); !ok || major == "" || !printable(contentType) {
		return Upload{}, &InputError{Operation: op.name, Field: "Content-Type", Problem: "want a media type, such as audio/wav"}
	}
	cl := call{op: op, query: url.Values{"filename": {name}}, file: content, contentType: contentType}
	got, err := one[uploaded](ctx, c, cl, "upload")
	return Upload{Token: got.Token, ContentURL: got.Attachment.ContentURL}, err
}

// uploaded is an Upload as Zendesk spells it.
type uploaded struct {
	Token      string `json:"token"`
	Attachment struct {
		ContentURL string `json:"content_url"`
	} `json:"attachment"`
}

func (u uploaded) lacks() string {
	switch {
	case u.Token == "":
		return "token"
	case u.Attachment.ContentURL == "":
		return "attachment.content_url"
	}
	return ""
}
