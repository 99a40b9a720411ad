package twilio

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// maxBody bounds a webhook's body.
const maxBody = 1 << 20

// signatureHeader is where Twilio signs.
const signatureHeader = "X-Twilio-Signature"

// read takes a webhook, if Twilio sent it. The error is a *RefusedError.
func (s *Source) read(w http.ResponseWriter, r *http.Request, h hook) (callback, error) {
	c := callback{hook: h, query: r.URL.Query(), received: s.now().UTC()}
	signature := r.Header.Get(signatureHeader)
	if signature == "" {
		return c, refuse(Unsigned, http.StatusForbidden, "no %s: only Twilio may call here", signatureHeader)
	}
	target := r.RequestURI
	right := false
	if r.Method == http.MethodGet {
		c.form = c.query
		right = s.signatures.form(target, nil, signature)
	} else {
		body, isForm, err := readBody(w, r)
		if err != nil {
			return c, err
		}
		if c.form, err = readForm(body, isForm); err != nil {
			return c, err
		}
		if isForm {
			right = s.signatures.form(target, c.form, signature)
		} else {
			right = s.signatures.body(target, c.query.Get("bodySHA256"), body, signature)
		}
	}
	if !right {
		return c, refuse(WrongSignature, http.StatusForbidden,
			"%s is wrong: is auth_token that of the account, and is %s how Twilio reaches this host?", signatureHeader, s.config.PublicURL)
	}
	if account := c.get("AccountSid"); account != s.config.AccountSid {
		return c, refuse(WrongAccount, http.StatusForbidden, "account %q is not the one of this source", bounded(account, 40))
	}
	return c, nil
}

// readBody has the body of a POST, and whether it is a form.
func readBody(w http.ResponseWriter, r *http.Request) (body []byte, isForm bool, err error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	isForm = kind == "application/x-www-form-urlencoded"
	signedJSON := kind == "application/json" && r.URL.Query().Has("bodySHA256")
	if err != nil || (!isForm && !signedJSON) {
		return nil, false, refuse(ContentType, http.StatusUnsupportedMediaType, "content type %q: want application/x-www-form-urlencoded", bounded(kind, 60))
	}
	body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if tooLarge, found := errors.AsType[*http.MaxBytesError](err); found {
		return nil, false, refuse(TooLarge, http.StatusRequestEntityTooLarge, "body is over %d bytes", tooLarge.Limit)
	}
	if err != nil {
		return nil, false, refuse(Unreadable, http.StatusBadRequest, "body did not arrive whole")
	}
	return body, isForm, nil
}

// readForm reads the parameters. Those of JSON are the values of its object that
// are no objects themselves.
func readForm(body []byte, isForm bool) (url.Values, error) {
	if isForm {
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, refuse(Unreadable, http.StatusBadRequest, "body is no form: %v", err)
		}
		return form, nil
	}
	decoder := json.NewDecoder(strings.NewReader(string(body)))
	decoder.UseNumber()
	var object map[string]any
	if err := decoder.Decode(&object); err != nil {
		return nil, refuse(Unreadable, http.StatusBadRequest, "body is no JSON object")
	}
	form := make(url.Values, len(object))
	for key, value := range object {
		switch v := value.(type) {
		case string:
			form.Set(key, v)
		case json.Number, bool:
			form.Set(key, fmt.Sprint(v))
		}
	}
	return form, nil
}
