package cti

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
)

// The bounds of a delivery.
const (
	maxBody   = 1 << 20
	maxFields = 256 // values of one message
)

// fields are the values of a message by their names: in small letters, without
// what senders write differently (call_id, callId, user[], user[0]).
type fields map[string][]string

// separators stand between the words of a field's name, or do not.
var separators = strings.NewReplacer("_", "", "-", "", " ", "")

// canonical is the name of a field as fields has it.
func canonical(name string) string {
	name, _, _ = strings.Cut(name, "[")
	return separators.Replace(strings.ToLower(name))
}

// readFields reads a body: a form of either kind, or an object in JSON.
func readFields(contentType string, body []byte) (fields, error) {
	kind, parameters, err := mime.ParseMediaType(contentType)
	if err != nil {
		return nil, wrongType(contentType)
	}
	switch kind {
	case "application/x-www-form-urlencoded":
		return readForm(body)
	case "multipart/form-data":
		return readMultipart(body, parameters["boundary"])
	case "application/json":
		return readJSON(body)
	}
	return nil, wrongType(contentType)
}

func wrongType(contentType string) error {
	return refuse(http.StatusUnsupportedMediaType, "content_type",
		fmt.Sprintf("content type %.60q: send application/json, application/x-www-form-urlencoded or multipart/form-data", contentType))
}

// add keeps one value.
func (f fields) add(name, value string, count *int) error {
	if *count++; *count > maxFields {
		return malformed(fmt.Sprintf("more than %d values", maxFields))
	}
	key := canonical(name)
	f[key] = append(f[key], value)
	return nil
}

func readForm(body []byte) (fields, error) {
	f, count := make(fields), 0
	for pair := range strings.SplitSeq(string(body), "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err != nil {
			return nil, malformed("the form is not encoded as one")
		}
		if value, err = url.QueryUnescape(value); err != nil {
			return nil, malformed("the form is not encoded as one")
		}
		if err := f.add(name, value, &count); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func readMultipart(body []byte, boundary string) (fields, error) {
	if boundary == "" {
		return nil, malformed("the form has no boundary")
	}
	f, count := make(fields), 0
	parts := multipart.NewReader(bytes.NewReader(body), boundary)
	for {
		part, err := parts.NextPart()
		switch {
		case errors.Is(err, io.EOF):
			return f, nil
		case err != nil:
			return nil, malformed("the form is cut, or not encoded as one")
		}
		value, err := io.ReadAll(part) // of a body that is bounded
		if err != nil {
			return nil, malformed("the form is cut, or not encoded as one")
		}
		if err := f.add(part.FormName(), string(value), &count); err != nil {
			return nil, err
		}
	}
}

// readJSON takes an object of texts, numbers and lists of them. Objects in it are
// passed over.
func readJSON(body []byte) (fields, error) {
	var object map[string]any
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	if err := decoder.Decode(&object); err != nil {
		return nil, malformed("the body is no object in JSON")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, malformed("there is more than one object in the body")
	}
	f, count := make(fields), 0
	for name, value := range object {
		values, isList := value.([]any)
		if !isList {
			values = []any{value}
		}
		for _, v := range values {
			text, plain := textOf(v)
			if !plain {
				continue
			}
			if err := f.add(name, text, &count); err != nil {
				return nil, err
			}
		}
	}
	return f, nil
}

// textOf is a text, a number or a truth as a text.
func textOf(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return fmt.Sprint(v), true
	}
	return "", false
}

// first is the first value that is not empty, of the first name that has one.
func (f fields) first(names ...string) string {
	for _, name := range names {
		for _, value := range f[name] {
			if value = strings.TrimSpace(value); value != "" {
				return value
			}
		}
	}
	return ""
}

// raw is what is kept of a message, bounded.
func (f fields) raw() map[string]string {
	raw := make(map[string]string, len(f))
	for name, values := range f {
		if len(raw) >= maxDetails {
			break
		}
		raw[clean(name)] = clean(strings.Join(values, ", "))
	}
	return raw
}
