package config

import (
	"net/url"
	"strings"
)

// maxAppLength is the longest name of an application that Asterisk is sent.
const maxAppLength = 40

// checkPBXURL takes the address of a phone system's HTTP server, which may be in the clear.
func checkPBXURL(text string) (kept, wrong, hint string) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme == "" || u.Hostname() == "":
		return "", "is no web address", "write it in full: http://127.0.0.1:8088"
	case u.Scheme == "ws" || u.Scheme == "wss" || (u.Scheme != "http" && u.Scheme != "https"):
		return "", "is no web address", "write http or https instead of " + u.Scheme
	case u.User != nil:
		return "", "has a name or password in it", "take it out: credentials have keys of their own"
	case u.RawQuery != "" || u.Fragment != "":
		return "", "has a query or a fragment", "end it after the host or the path"
	}
	return strings.TrimRight(u.String(), "/"), "", ""
}

// checkApp takes the name of an application: Asterisk takes commas to stand between several.
func checkApp(text string) (kept, wrong, hint string) {
	strange := strings.ContainsFunc(text, func(r rune) bool {
		return !strings.ContainsRune("-._", r) && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
	if text == "" || len(text) > maxAppLength || strange {
		return "", "is no name of an application", "use letters, digits, dashes, dots and underscores, at most 40"
	}
	return text, "", ""
}

func (v *validator) ari(a *ARI, path string) {
	v.secret(path+".password", &a.Password, &a.PasswordFile)
	if strings.Contains(a.Username, ":") {
		v.problem(v.place(path+".username"), path+".username", "has a colon in it, which HTTP does not allow", "give the user of ari.conf another name")
	}
	u, err := url.Parse(a.URL)
	secure := err == nil && u.Scheme == "https"
	if err == nil && u.Scheme == "http" && !isLoopback(u.Hostname()) {
		v.warning(v.place(path+".url"), path+".url", "goes over the network in the clear: the password, and names and numbers of callers",
			"switch on tlsenable in http.conf, and write https")
	}
	if a.TLS != nil {
		if !secure && a.URL != "" {
			v.problem(v.place(path+".tls"), path+".tls", "is for an https address", "write https in url, or take it out")
		}
		v.caFile(a.TLS, path+".tls")
	}
	v.spool(&a.Voicemail, path+".voicemail")
	v.spool(&a.Recordings, path+".recordings")
}
