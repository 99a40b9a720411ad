package zendesk

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
)

// The limits of the Any Channel API, from the tables of its documentation and from Zendesk's JSON schemas of the Channel
// Framework. Where the two differ the smaller one stands here: parent_id is 511 in the tables and 255 in the schema,
// image_url 255 and 511, file_urls 10 and 64.
const (
	maxChannelText = 255
	maxRequestID   = 64
	maxResources   = 256
	maxMessage     = 65_535
	maxDisplayInfo = 16
	maxFields      = 64
	maxFileURLs    = 10
	maxFileURL     = 511
	maxFailureText = 511
)

// check names the first field of the request that Zendesk would refuse.
func (p Push) check(op operation) error {
	in := input{op: op}
	in.needed("instance_push_id", p.InstancePushID, maxChannelText)
	in.text("request_id", p.RequestID, maxRequestID)
	if len(p.Resources) == 0 {
		in.refuse("external_resources", "is empty; want at least one")
	}
	in.size("external_resources", len(p.Resources), maxResources, "items")
	for i := range p.Resources {
		if in.err != nil {
			break
		}
		p.Resources[i].check(&in, fmt.Sprintf("external_resources[%d]", i))
	}
	return in.err
}

// check looks at one resource; at says where it is.
func (r *ExternalResource) check(in *input, at string) {
	in.neededKey(at+".external_id", r.ExternalID, maxChannelText)
	in.needed(at+".message", r.Message, maxMessage)
	in.text(at+".html_message", r.HTMLMessage, maxMessage)
	in.key(at+".parent_id", r.ParentID, maxChannelText)
	in.key(at+".thread_id", r.ThreadID, maxChannelText)
	if r.ParentID != "" && r.ThreadID != "" {
		in.refuse(at+".thread_id", "stands beside parent_id; want one of the two, or neither")
	}
	if year := r.CreatedAt.Year(); r.CreatedAt.IsZero() || year > 9999 {
		in.refuse(at+".created_at", "is not set; Zendesk demands it")
	}
	in.size(at+".display_info", len(r.DisplayInfo), maxDisplayInfo, "items")
	for i, info := range r.DisplayInfo {
		info.check(in, fmt.Sprintf("%s.display_info[%d]", at, i))
	}
	checkFields(in, at+".fields", r.Fields)
	in.size(at+".file_urls", len(r.FileURLs), maxFileURLs, "items")
	for i, address := range r.FileURLs {
		checkFileURL(in, fmt.Sprintf("%s.file_urls[%d]", at, i), address)
	}
	r.Author.check(in, at+".author")
}

func (a *ChannelAuthor) check(in *input, at string) {
	in.neededKey(at+".external_id", a.ExternalID, maxChannelText)
	in.text(at+".name", a.Name, maxChannelText)
	in.text(at+".image_url", a.ImageURL, maxChannelText)
	in.text(at+".locale", a.Locale, maxChannelText)
	checkFields(in, at+".fields", a.Fields)
}

func (d *DisplayInfo) check(in *input, at string) {
	in.needed(at+".type", d.Type, maxChannelText)
	if !json.Valid(d.Data) || !bytes.HasPrefix(bytes.TrimSpace(d.Data), []byte("{")) {
		in.refuse(at+".data", "want a JSON object")
	}
	in.text(at+".data", string(d.Data), maxMessage)
}

func checkFields(in *input, at string, fields []FieldValue) {
	in.size(at, len(fields), maxFields, "items")
	for i, f := range fields {
		in.needed(fmt.Sprintf("%s[%d].id", at, i), f.ID, maxChannelText)
	}
}

func checkFileURL(in *input, at, address string) {
	in.text(at, address, maxFileURL)
	if u, err := url.Parse(address); err != nil || u.Scheme != "https" || u.Host == "" {
		in.refuse(at, "want an https address")
	}
}
