package zendesk

import (
	"bytes"
	"encoding/json"
	"html"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	maxCode        = 128
	maxDescription = 500
	maxDetails     = 32
)

// decodeErrorBody fills in what the body of a refused request says. Zendesk's own envelope is
//
//	{"error": "RecordInvalid", "description": "…", "details": {"field": [{"description": "…", "error": "…"}]}}
//
// but some endpoints nest error as {title, message}, OAuth says error_description, JSON:API endpoints answer a list
// of errors, and proxies answer text, HTML or nothing at all. Whatever it is, it never fails.
func decodeErrorBody(e *Error, contentType string, body []byte) {
	body = bytes.TrimSpace(body)
	var envelope map[string]json.RawMessage
	switch {
	case len(body) == 0:
	case json.Unmarshal(body, &envelope) == nil:
		decodeEnvelope(e, envelope)
	case contentType == "text/html" || bytes.HasPrefix(body, []byte("<")):
		e.Description = cut(htmlTitle(body), maxDescription)
	default:
		e.Description = cut(string(body), maxDescription)
	}
}

// decodeEnvelope reads a JSON object of any of the known shapes.
func decodeEnvelope(e *Error, envelope map[string]json.RawMessage) {
	e.Code, e.Description = codeAndText(envelope["error"])
	for _, key := range []string{"description", "error_description", "message"} {
		if text := text(envelope[key]); text != "" {
			e.Description = cut(text, maxDescription)
			break
		}
	}
	e.Details = decodeDetails(envelope["details"])
	var list []json.RawMessage
	if e.Code == "" && e.Description == "" && json.Unmarshal(envelope["errors"], &list) == nil && len(list) > 0 {
		e.Code, e.Description = codeAndText(list[0])
	}
}

// codeAndText reads an error that is a word, or an object of a title or code and a message.
func codeAndText(raw json.RawMessage) (code, description string) {
	if word := text(raw); word != "" {
		return cut(word, maxCode), ""
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &object) != nil {
		return "", ""
	}
	for _, key := range []string{"code", "title"} {
		if code = cut(text(object[key]), maxCode); code != "" {
			break
		}
	}
	for _, key := range []string{"message", "detail", "description"} {
		if description = cut(text(object[key]), maxDescription); description != "" {
			break
		}
	}
	return code, description
}

// decodeDetails reads the complaints by field. The list of a field may hold objects or sentences, or be one of
// either.
func decodeDetails(raw json.RawMessage) map[string][]Detail {
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil || len(fields) == 0 {
		return nil
	}
	details := make(map[string][]Detail, min(len(fields), maxDetails))
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		if len(details) == maxDetails {
			break
		}
		value := fields[field]
		var list []json.RawMessage
		if json.Unmarshal(value, &list) != nil {
			list = []json.RawMessage{value}
		}
		field = cut(field, maxCode)
		for _, item := range list[:min(len(list), maxDetails)] {
			if d := decodeDetail(item); d != (Detail{}) {
				details[field] = append(details[field], d)
			}
		}
	}
	if len(details) == 0 {
		return nil
	}
	return details
}

// decodeDetail reads one complaint.
func decodeDetail(raw json.RawMessage) Detail {
	if sentence := text(raw); sentence != "" {
		return Detail{Description: cut(sentence, maxDescription)}
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &object) != nil {
		return Detail{}
	}
	return Detail{
		Code:        cut(text(object["error"]), maxCode),
		Description: cut(text(object["description"]), maxDescription),
	}
}

// text is the string that raw holds, or empty.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

var titlePattern = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`)

// htmlTitle is the title of a web page, or a word that it was one.
func htmlTitle(page []byte) string {
	match := titlePattern.FindSubmatch(page)
	if match == nil || len(bytes.TrimSpace(match[1])) == 0 {
		return "a web page"
	}
	return "a web page: " + html.UnescapeString(string(match[1]))
}

// cut makes s one line of valid text with at most limit bytes.
func cut(s string, limit int) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "?")), " ")
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s)
	if len(s) <= limit {
		return s
	}
	for limit -= len("…"); limit > 0 && !utf8.RuneStart(s[limit]); limit-- {
	}
	return s[:limit] + "…"
}
