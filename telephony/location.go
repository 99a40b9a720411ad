package telephony

import "github.com/nyaruka/phonenumbers"

// Location is where the number belongs, in English, as far as the numbering
// plan tells: a town, a state, or the country. It is "" for a number that is
// not understood. It says nothing of where a mobile phone is.
func (n Number) Location() string {
	parsed, err := n.parse()
	if err != nil {
		return ""
	}
	where, err := phonenumbers.GetGeocodingForNumber(parsed, "en")
	if err != nil {
		return ""
	}
	return where
}

// National is the number without its country code, digits only: what is common
// to all the ways in which people write it. It is "" for a number that is not
// understood.
func (n Number) National() string {
	parsed, err := n.parse()
	if err != nil {
		return ""
	}
	return phonenumbers.GetNationalSignificantNumber(parsed)
}

func (n Number) parse() (*phonenumbers.PhoneNumber, error) {
	return phonenumbers.Parse(n.E164, "")
}
