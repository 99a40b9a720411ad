package zendesktest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// object is a decoded JSON object. Unlike a struct of encoding/json it is case-sensitive, as Zendesk is.
type object = map[string]any

func parseObject(b []byte) (object, error) {
	if len(bytes.TrimSpace(b)) == 0 {
		return object{}, nil
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var o object
	if err := d.Decode(&o); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("data after the object")
	}
	if o == nil {
		return nil, errors.New("null is not an object")
	}
	return o, nil
}

// parseForm reads a form with brackets in its names: ticket[voice_comment][from]=…, ticket[tags][]=…. All values are
// strings. Nesting is bounded; what is malformed is dropped.
func parseForm(body string) object {
	values, err := url.ParseQuery(body)
	if err != nil && len(values) == 0 {
		return object{}
	}
	root := object{}
	for name, vs := range values {
		keys := strings.Split(strings.ReplaceAll(name, "]", ""), "[")
		if len(keys) > 8 {
			continue
		}
		setPath(root, keys, vs)
	}
	return root
}

func setPath(o object, keys []string, vs []string) {
	for i, k := range keys {
		last := i == len(keys)-1
		if last {
			o[k] = vs[len(vs)-1]
			return
		}
		if i == len(keys)-2 && keys[i+1] == "" {
			list := make([]any, len(vs))
			for j, v := range vs {
				list[j] = v
			}
			o[k] = list
			return
		}
		next, isObject := o[k].(object)
		if !isObject {
			next = object{}
			o[k] = next
		}
		o = next
	}
}

// reader reads the properties of an object and keeps the first that has the wrong type. Numbers and booleans may
// come as strings (as forms have them), ids and strings as numbers; null counts as the zero value that was sent.
type reader struct {
	o   object
	bad *reply
}

func (r *reader) fail(key, want string) {
	if r.bad == nil {
		rep := invalidAttribute(key, want)
		r.bad = &rep
	}
}

// text returns a string property and whether it was sent.
func (r *reader) text(key string) (string, bool) {
	switch v := r.o[key].(type) {
	case nil:
		_, sent := r.o[key]
		return "", sent
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	default:
		r.fail(key, "a string")
		return "", false
	}
}

// integer returns an integer property and whether it was sent.
func (r *reader) integer(key string) (int64, bool) {
	switch v := r.o[key].(type) {
	case nil:
		_, sent := r.o[key]
		return 0, sent
	case json.Number:
		return r.parseInt(key, v.String())
	case string:
		if v == "" {
			return 0, true
		}
		return r.parseInt(key, v)
	default:
		r.fail(key, "an integer")
		return 0, false
	}
}

func (r *reader) parseInt(key, v string) (int64, bool) {
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		r.fail(key, "an integer")
		return 0, false
	}
	return n, true
}

// boolean returns a boolean property and whether it was sent.
func (r *reader) boolean(key string) (value, sent bool) {
	switch v := r.o[key].(type) {
	case nil:
		return false, false
	case bool:
		return v, true
	case string:
		if b, err := strconv.ParseBool(v); err == nil {
			return b, true
		}
	}
	r.fail(key, "a boolean")
	return false, false
}

// moment returns a time property in ISO 8601, with Z, an offset, or an offset of hours only.
func (r *reader) moment(key string) (time.Time, bool) {
	v, sent := r.text(key)
	if !sent || v == "" {
		return time.Time{}, sent
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05Z07", "2006-01-02T15:04:05-0700"} {
		if t, err := time.Parse(layout, v); err == nil {
			return t.UTC(), true
		}
	}
	r.fail(key, "a time in ISO 8601")
	return time.Time{}, false
}

// nested returns an object property, nil if it was not sent.
func (r *reader) nested(key string) object {
	switch v := r.o[key].(type) {
	case nil:
		return nil
	case map[string]any:
		return v
	default:
		r.fail(key, "an object")
		return nil
	}
}

// list returns an array of strings and whether it was sent; a single string counts as words.
func (r *reader) list(key string) ([]string, bool) {
	switch v := r.o[key].(type) {
	case nil:
		_, sent := r.o[key]
		return nil, sent
	case string:
		return strings.Fields(strings.ReplaceAll(v, ",", " ")), true
	case []any:
		out := make([]string, 0, len(v))
		for _, e := range v {
			switch e := e.(type) {
			case string:
				out = append(out, e)
			case json.Number:
				out = append(out, e.String())
			default:
				r.fail(key, "an array of strings")
				return nil, false
			}
		}
		return out, true
	default:
		r.fail(key, "an array of strings")
		return nil, false
	}
}

// orNull makes the zero value null.
func orNull[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// stamp is a time as Zendesk writes it.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// seconds rounds a duration up to whole seconds.
func seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }

// number is an integer as a decoded object has it.
func number(n int64) json.Number { return json.Number(strconv.FormatInt(n, 10)) }
