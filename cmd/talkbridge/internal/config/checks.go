package config

import (
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/nyaruka/phonenumbers"

	"github.com/talkbridge/talkbridge/bridge/hours"
)

// A check judges one text. It returns the text as it is to be kept; or what is wrong with it, to be read after the text
// itself ("acme" has no scheme), and a remedy.
type check func(text string) (kept, wrong, hint string)

// checks has the rules that a tag `check` may name. Ranges of durations (1s..60s) are no entries: see durationRange.
var checks = map[string]check{
	"name":     checkName,
	"country":  checkCountry,
	"url":      checkURL,
	"nats":     checkNATS,
	"pbxurl":   checkPBXURL,
	"app":      checkApp,
	"dialplan": checkDialplan,
	"email":    checkEmail,
	"fieldkey": checkFieldKey,
	"hostport": checkHostPort,
	"channel":  checkChannel,
	"tag":      checkTag,
	"path":     checkPath,
	"numbers":  checkNumbers,
	"zone":     checkZone,
	"hours":    checkHours,
	"date":     checkDate,
	"origin":   checkOrigin,
	"language": checkLanguage,

	"websocket":  checkWebSocket,
	"accountsid": checkAccountSID,
	"keysid":     checkKeySID,
	"host":       checkHost,
}

var (
	fieldForm   = regexp.MustCompile(`^[A-Za-z0-9_]{1,255}$`)
	nameForm    = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)
	channelForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*/[^\s/;,]+$`)
)

func checkName(text string) (kept, wrong, hint string) {
	if !nameForm.MatchString(text) {
		return "", "is no name that can be part of a call's id", "use a-z, 0-9 and -, at most 32"
	}
	return text, "", ""
}

func checkCountry(text string) (kept, wrong, hint string) {
	upper := strings.ToUpper(text)
	if phonenumbers.GetSupportedRegions()[upper] {
		return upper, "", ""
	}
	hint = "use the two letters of ISO 3166, such as US or DE"
	if upper == "UK" {
		hint = "write GB"
	}
	return "", "is no country with telephone numbers", hint
}

// searched are the properties of users that Zendesk's search knows itself: a field of that name could not be asked for.
var searched = map[string]bool{
	"type": true, "role": true, "phone": true, "email": true, "name": true, "notes": true, "details": true, "group": true,
	"organization": true, "external_id": true, "tags": true, "created": true, "updated": true, "suspended": true,
}

// checkFieldKey takes the key of a user field, which stands in a query of the search.
func checkFieldKey(text string) (kept, wrong, hint string) {
	switch {
	case !fieldForm.MatchString(text):
		return "", "is no key of a user field", "use the field's key, of letters, digits and _, not its title"
	case searched[strings.ToLower(text)]:
		return "", "is no field of the account's own", "Zendesk's search takes it for what every user has; use the key of another field"
	}
	return text, "", ""
}

// checkURL takes https addresses, and http on this machine; a trailing slash is cut off.
func checkURL(text string) (kept, wrong, hint string) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme == "" || u.Host == "" || u.Hostname() == "":
		return "", "is no web address", "write it in full: https://acme.example.com"
	case u.Scheme != "https" && u.Scheme != "http":
		return "", "is no web address", "write https instead of " + u.Scheme
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return "", "would go over the network in the clear", "write https"
	case u.User != nil:
		return "", "has a name or password in it", "take it out: credentials have keys of their own"
	case u.RawQuery != "" || u.Fragment != "":
		return "", "has a query or a fragment", "end it after the host or the path"
	}
	return strings.TrimRight(u.String(), "/"), "", ""
}

// checkNATS takes the addresses of the servers of a NATS cluster, separated by commas.
func checkNATS(text string) (kept, wrong, hint string) {
	for one := range strings.SplitSeq(text, ",") {
		u, err := url.Parse(strings.TrimSpace(one))
		switch {
		case err != nil || u.Hostname() == "" || (u.Scheme != "nats" && u.Scheme != "tls"):
			return "", "is no address of a NATS server", "write tls://host:4222, several separated by commas"
		case u.Scheme == "nats" && !isLoopback(u.Hostname()):
			return "", "would go over the network in the clear", "write tls://"
		case u.User != nil:
			return "", "has a name or password in it", "take it out: use journal.credentials_file"
		case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
			return "", "has more than host and port", "end it after the port"
		}
	}
	return strings.ReplaceAll(text, " ", ""), "", ""
}

// checkOrigin takes what browsers send as the origin of a page.
func checkOrigin(text string) (kept, wrong, hint string) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || (u.Scheme != "https" && u.Scheme != "http"):
		return "", "is no origin of a page", "write scheme and host: https://wall.example.com"
	case u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return "", "has more than scheme, host and port", "write " + u.Scheme + "://" + u.Host
	}
	return strings.ToLower(u.Scheme + "://" + u.Host), "", ""
}

// isLoopback reports whether a host name or address means this machine.
func isLoopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsLoopback()
}

func checkEmail(text string) (kept, wrong, hint string) {
	address, err := mail.ParseAddress(text)
	if err != nil || address.Address != text {
		return "", "is no e-mail address", "write it bare: ana@example.com"
	}
	return text, "", ""
}

func checkHostPort(text string) (kept, wrong, hint string) {
	_, port, err := net.SplitHostPort(text)
	if err != nil {
		return "", "is no address", "write host:port, such as 127.0.0.1:5038 or [::1]:5038"
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return "", "has no port number from 0 to 65535", ""
	}
	return text, "", ""
}

func checkChannel(text string) (kept, wrong, hint string) {
	if !channelForm.MatchString(text) {
		return "", "is no technology/endpoint", "write it like PJSIP/trunk; `pjsip show endpoints` lists the names"
	}
	return text, "", ""
}

// checkTag takes what Zendesk takes as one tag: it would split or drop the rest.
func checkTag(text string) (kept, wrong, hint string) {
	bad := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_-/:.", r)
	}
	if strings.ContainsFunc(text, bad) || len(text) > 100 {
		return "", "is no tag", "use letters, digits and any of _-/:. without blanks, at most 100"
	}
	return strings.ToLower(text), "", ""
}

func checkZone(text string) (kept, wrong, hint string) {
	if _, err := hours.ParseZone(text); err != nil {
		return "", "is no time zone", "use a name such as Europe/Berlin or UTC"
	}
	return text, "", ""
}

func checkHours(text string) (kept, wrong, hint string) {
	if hours.CheckSpan(text) != nil {
		return "", "is no opening time", `write "mon-fri 09:00-17:30", in quotes`
	}
	return text, "", ""
}

func checkDate(text string) (kept, wrong, hint string) {
	if hours.CheckDate(text) != nil {
		return "", "is no date", `write "2026-12-25", in quotes`
	}
	return text, "", ""
}

var numbersForm = regexp.MustCompile(`^\+([0-9]{1,15}\*?|\*)$`)

// checkNumbers takes a number, the beginning of some, or the word for none.
func checkNumbers(text string) (kept, wrong, hint string) {
	bare := strings.NewReplacer(" ", "", "-", "", "(", "", ")", "").Replace(text)
	if text != "withheld" && !numbersForm.MatchString(bare) {
		return "", "is no number and no beginning of one", `write "+15550100001", "+1555*" or withheld; in quotes`
	}
	return bare, "", ""
}

func checkPath(text string) (kept, wrong, hint string) {
	if strings.ContainsRune(text, 0) {
		return "", "has a zero byte in it", ""
	}
	return filepath.Clean(text), "", ""
}

// durationRange reads a tag such as 1s..60s.
func durationRange(tag string) (shortest, longest time.Duration) {
	from, to, ok := strings.Cut(tag, "..")
	shortest, okFrom := parseDuration(from)
	longest, okTo := parseDuration(to)
	if !ok || !okFrom || !okTo {
		panic(fmt.Sprintf("config: %q is no range of durations", tag))
	}
	return shortest, longest
}

// countRange reads a tag such as 1..1000.
func countRange(tag string) (least, most int) {
	from, to, ok := strings.Cut(tag, "..")
	least, errFrom := strconv.Atoi(from)
	most, errTo := strconv.Atoi(to)
	if !ok || errFrom != nil || errTo != nil {
		panic(fmt.Sprintf("config: %q is no range of numbers", tag))
	}
	return least, most
}

// nearest returns the candidate that text was probably meant to be, "" if none is near: a few letters differ, or one is
// the beginning of the other.
func nearest(text string, candidates []string) string {
	text = strings.ToLower(text)
	best, limit := "", 1+len([]rune(text))/4
	for _, c := range candidates {
		d := distance(text, c)
		if d < limit || d == limit && len(c) > len(best) { // a letter is left out more often than added
			best, limit = c, d
		}
	}
	if best != "" || len(text) < 3 {
		return best
	}
	for _, c := range candidates {
		if strings.HasPrefix(c, text) || strings.HasPrefix(text, c) {
			return c
		}
	}
	return ""
}

// distance counts the letters to add, drop, change or swap with their neighbour to make one text of the other. Texts
// far longer than any key are not compared.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	if len(x) > 64 || len(y) > 64 {
		return max(len(x), len(y))
	}
	var two, one []int // the two rows before
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := range x {
		two, one, row = one, row, make([]int, len(y)+1)
		row[0] = i + 1
		for j := range y {
			cost := 1
			if x[i] == y[j] {
				cost = 0
			}
			row[j+1] = min(one[j]+cost, one[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && x[i] == y[j-1] && x[i-1] == y[j] {
				row[j+1] = min(row[j+1], two[j-1]+1)
			}
		}
	}
	return row[len(y)]
}

// oneOf writes a list for a message: answer, ringing or all.
func oneOf(values []string) string {
	if len(values) < 2 {
		return strings.Join(values, "")
	}
	last := len(values) - 1
	return strings.Join(values[:last], ", ") + " or " + values[last]
}
