package zendesktest

import (
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"
)

// The limits of a push. Where Zendesk's documentation and its JSON schemas differ, the smaller one is held here.
const (
	maxPushText      = 255
	maxPushRequestID = 64
	maxPushResources = 256
	maxPushMessage   = 65_535
	maxPushHints     = 16
	maxPushFields    = 64
	maxPushFiles     = 10
	maxPushFailure   = 511
)

// pushText is a rule for one text property of a resource.
type pushText struct {
	key    string
	limit  int
	needed bool
	key255 bool // an identifier: ASCII, and no white space around it
}

var (
	resourceTexts = []pushText{
		{key: "external_id", limit: maxPushText, needed: true, key255: true},
		{key: "message", limit: maxPushMessage, needed: true},
		{key: "html_message", limit: maxPushMessage},
		{key: "parent_id", limit: maxPushText, key255: true},
		{key: "thread_id", limit: maxPushText, key255: true},
		{key: "created_at", limit: maxPushText, needed: true},
	}
	authorTexts = []pushText{
		{key: "external_id", limit: maxPushText, needed: true, key255: true},
		{key: "name", limit: maxPushText},
		{key: "image_url", limit: maxPushText},
		{key: "locale", limit: maxPushText},
	}
)

// checkTexts says which of the properties breaks its rule.
func checkTexts(o object, rules []pushText, at string) error {
	for _, rule := range rules {
		v, sent := o[rule.key]
		if !sent {
			if rule.needed {
				return fmt.Errorf("%s%s is missing", at, rule.key)
			}
			continue
		}
		text, isText := v.(string)
		length := utf8.RuneCountInString(text)
		switch {
		case !isText:
			return fmt.Errorf("%s%s must be a string", at, rule.key)
		case length == 0:
			return fmt.Errorf("%s%s must not be empty", at, rule.key)
		case length > rule.limit:
			return fmt.Errorf("%s%s has %d characters; at most %d are allowed", at, rule.key, length, rule.limit)
		case rule.key255 && (strings.TrimSpace(text) != text || strings.ContainsFunc(text, func(r rune) bool { return r >= utf8.RuneSelf })):
			return fmt.Errorf("%s%s must be ASCII without white space around it", at, rule.key)
		}
	}
	return nil
}

// checkList wants a list of at most limit items that each pass.
func checkList(o object, key string, limit int, item func(v any) bool, want string) error {
	v, sent := o[key]
	list, isList := v.([]any)
	switch {
	case !sent:
		return nil
	case !isList || len(list) > limit:
		return fmt.Errorf("%s must be an array of at most %d", key, limit)
	}
	for i, e := range list {
		if !item(e) {
			return fmt.Errorf("%s[%d] must be %s", key, i, want)
		}
	}
	return nil
}

func isField(v any) bool {
	o, _ := v.(map[string]any)
	id := fmt.Sprint(o["id"])
	_, valued := o["value"]
	return o["id"] != nil && valued && id != "" && utf8.RuneCountInString(id) <= maxPushText
}

// isHint takes data as an object, as the schema has it, or as a text, as the documentation has it.
func isHint(v any) bool {
	o, _ := v.(map[string]any)
	kind, _ := o["type"].(string)
	text, isText := o["data"].(string)
	_, isObject := o["data"].(map[string]any)
	return kind != "" && utf8.RuneCountInString(kind) <= maxPushText && (isObject || isText && utf8.RuneCountInString(text) <= maxPushMessage)
}

func isFileURL(v any) bool {
	text, _ := v.(string)
	u, err := url.Parse(text)
	return err == nil && u.Scheme == "https" && u.Host != "" && len(text) <= 511
}

// readPushed reads a resource. Its error is what the result of that resource says.
func readPushed(o object) (*pushed, error) {
	author, _ := o["author"].(map[string]any)
	if author == nil {
		return nil, fmt.Errorf("author is missing")
	}
	if err := checkTexts(o, resourceTexts, ""); err != nil {
		return nil, err
	}
	if err := checkTexts(author, authorTexts, "author."); err != nil {
		return nil, err
	}
	const field = "an object with id and value"
	for _, err := range []error{
		checkList(o, "fields", maxPushFields, isField, field), checkList(author, "fields", maxPushFields, isField, field),
		checkList(o, "display_info", maxPushHints, isHint, "an object with type and data"),
		checkList(o, "file_urls", maxPushFiles, isFileURL, "an https address of at most 511 characters"),
	} {
		if err != nil {
			return nil, err
		}
	}
	r, ar := reader{o: o}, reader{o: author}
	p := &pushed{}
	p.externalID, _ = r.text("external_id")
	p.message, _ = r.text("message")
	p.html, _ = r.text("html_message")
	p.parentID, _ = r.text("parent_id")
	p.threadID, _ = r.text("thread_id")
	p.created, _ = r.moment("created_at")
	p.note, _ = r.boolean("internal_note")
	p.authorID, _ = ar.text("external_id")
	p.authorName, _ = ar.text("name")
	p.fields, _ = o["fields"].([]any)
	switch {
	case r.bad != nil:
		return nil, refusalError(*r.bad)
	case p.parentID != "" && p.threadID != "":
		return nil, fmt.Errorf("parent_id and thread_id cannot both be given")
	case p.html == "":
		p.html = commentHTML(p.message)
	}
	return p, nil
}
