package zendesk

import (
	"context"
	"fmt"
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
	problem := ""
	switch {
	case len(content) == 0:
		problem = "is empty"
	case len(content) > MaxUpload:
		problem = fmt.Sprintf("is %d bytes; the limit is %d", len(content), MaxUpload)
	}
	if problem != "" {
		return Upload{}, &InputError{Operation: op.name, Field: "body", Problem: problem}
	}
	if name == "" || !printable(name) || strings.ContainsAny(name, `/\`) {
		return Upload{}, &InputError{Operation: op.name, Field: "filename", Problem: "want a name of printable characters without a folder"}
	}
	if major, _, ok := strings.Cut(contentType, "/"); !ok || major == "" || !printable(contentType) {
		return Upload{}, &InputError{Operation: op.name, Field: "Content-Type", Problem: "want a media type, such as audio/wav"}
	}
	var out uploadAnswer
	err := c.do(ctx, call{op: op, query: url.Values{"filename": {name}}, file: content, contentType: contentType}, &out)
	if err != nil {
		return Upload{}, err
	}
	return Upload{Token: out.Upload.Token, ContentURL: out.Upload.Attachment.ContentURL}, nil
}

type uploadAnswer struct {
	Upload struct {
		Token      string `json:"token"`
		Attachment struct {
			ContentURL string `json:"content_url"`
		} `json:"attachment"`
	} `json:"upload"`
}

func (a *uploadAnswer) missing() string {
	switch {
	case a.Upload.Token == "":
		return "upload.token"
	case a.Upload.Attachment.ContentURL == "":
		return "upload.attachment.content_url"
	}
	return ""
}
