package twilio

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	openapi "github.com/twilio/twilio-go/rest/api/v2010"
)

// maxPages bounds how many pages of a list are read.
const maxPages = 100

// Report is what Probe found.
type Report struct {
	// Account is the account's name, Status whether it works: "active".
	Account, Status string
	// Numbers are those of the account, by number in E.164.
	Numbers map[string]Number
}

// Number is a number of the account, and where it points.
type Number struct {
	// VoiceURL is asked what to do with a call; StatusURL is told of its end. Both
	// are without fragment, and "" where none is set.
	VoiceURL, StatusURL string
	// Application says that an application of Twilio's has these addresses.
	Application bool
}

// Probe asks Twilio's API for the account and its numbers. It changes nothing.
func Probe(ctx context.Context, config Config) (Report, error) {
	a, err := newAPI(config)
	if err != nil {
		return Report{}, err
	}
	defer a.close()
	service := a.service(ctx)
	account, err := service.FetchAccount(config.AccountSid)
	if err != nil {
		return Report{}, fmt.Errorf("ask for the account: %w", explain(err))
	}
	r := Report{Account: text(account.FriendlyName), Status: text(account.Status), Numbers: make(map[string]Number)}
	params := &openapi.ListIncomingPhoneNumberParams{}
	params.SetPageSize(pageSize)
	var next page
	for range maxPages {
		numbers, err := service.PageIncomingPhoneNumber(params, next.token, next.number)
		if err != nil {
			return r, fmt.Errorf("ask for the numbers: %w", explain(err))
		}
		for _, n := range numbers.IncomingPhoneNumbers {
			r.Numbers[text(n.PhoneNumber)] = Number{
				VoiceURL: bare(text(n.VoiceUrl)), StatusURL: bare(text(n.StatusCallback)), Application: text(n.VoiceApplicationSid) != "",
			}
		}
		if next = nextPage(numbers.NextPageUri); next == (page{}) {
			break
		}
	}
	return r, nil
}

// bare is an address without its fragment.
func bare(address string) string {
	address, _, _ = strings.Cut(address, "#")
	return address
}

// pageSize is how many records are asked for at a time: as many as Twilio gives.
const pageSize = 1000

// page names one page of a list; the zero value is the first one.
type page struct{ token, number string }

// nextPage reads the address of the next page; zero if there is none.
func nextPage(uri *string) page {
	u, err := url.Parse(text(uri))
	if err != nil {
		return page{}
	}
	return page{u.Query().Get("PageToken"), u.Query().Get("Page")}
}
