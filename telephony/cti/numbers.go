package cti

import (
	"strings"

	"github.com/talkbridge/talkbridge/telephony"
)

// party is who stands behind a number.
func party(raw, name, country string) telephony.Party {
	if telephony.IsWithheld(raw) {
		return telephony.Party{Withheld: raw != ""}
	}
	return telephony.Party{Number: number(raw, country), Name: clean(name)}
}

// number writes a telephone number with its plus where it is clear that one is
// missing. Senders differ: sipgate and Zammad write 4930123456, 3CX what was
// dialled, 030123456. What means something in the country as people there write
// it stays as it is, and so does what is no telephone number.
func number(raw, country string) string {
	raw = clean(raw)
	digits := strings.TrimPrefix(raw, "00")
	switch {
	case raw == "" || strings.Trim(raw, "0123456789") != "":
		return raw
	case digits != raw:
		if n := telephony.ParseNumber("+"+digits, ""); n.E164 != "" {
			return n.E164
		}
		return raw
	case strings.HasPrefix(raw, "0"):
		return raw
	}
	international := telephony.ParseNumber("+"+raw, "")
	if international.E164 == "" || (trunkless[strings.ToUpper(country)] && telephony.ParseNumber(raw, country).E164 != international.E164 && national(raw, country)) {
		return raw
	}
	return international.E164
}

// trunkless are countries where people write no 0 before a national number, so that
// it may look like an international one without its plus. Where they do, a number
// that begins otherwise is none of theirs.
var trunkless = map[string]bool{
	"US": true, "CA": true, "ES": true, "IT": true, "DK": true, "NO": true, "PL": true, "PT": true, "CZ": true, "GR": true,
	"LU": true, "MT": true, "SG": true, "HK": true, "": false,
}

// national reports whether a number is as long as one of the country is.
func national(raw, country string) bool {
	n := telephony.ParseNumber(raw, country)
	return n.E164 != "" && strings.HasSuffix(n.E164, raw)
}

// clean makes a text fit to be kept: without control characters, and bounded.
func clean(text string) string {
	text = strings.TrimSpace(telephony.StripControls(text))
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "")
	}
	return text
}
