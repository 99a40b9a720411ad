package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/config"
	"github.com/talkbridge/talkbridge/telephony/asterisk"
)

// masterCSV is where Asterisk has its call records, as a rule.
const masterCSV = "/var/log/asterisk/cdr-csv/Master.csv"

// lookAtRecords looks whether calls of which nobody heard can be taken from the
// call records.
func lookAtRecords(ctx context.Context, s config.Source) symptom {
	path := s.Asterisk.CDR
	f := symptom{Area: "folders", Check: s.Name + " cdr", Verdict: failure}
	if path == "" {
		f.Verdict, f.Text = note, "not set: calls that begin and end while talkbridge is away leave no ticket, and nobody knows of them"
		f.Remedy = "cdr: " + masterCSV + ", and docs/asterisk.md"
		return f
	}
	r, err := asterisk.CheckRecords(ctx, path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.Text, f.Remedy = path+" is not there", "load = cdr_csv.so in modules.conf and a first call make it; correct cdr, if it is elsewhere"
	case err != nil:
		f.Text, f.Remedy = path+" cannot be read: "+reason(err), "let the user that runs talkbridge read it (mostly by the group asterisk), and its folder too"
	case r.Records == 0 && r.Bad > 0:
		f.Text, f.Remedy = path+" has no records as cdr_csv writes them", "name the file of cdr_csv, not that of cdr_custom"
	case r.Records == 0:
		f.Verdict, f.Text = note, path+" has no records yet"
	case r.Short == r.Records:
		f.Text = path + ": the records have no uniqueid, so it is not known which calls they are, and none is used"
		f.Remedy = "loguniqueid = yes and newcdrcolumns = yes in [csv] of cdr.conf, then 'module reload cdr_csv.so'"
	case r.Linked == 0:
		f.Verdict, f.Text = fine, path+": "+newestRecord(r)
		f.Remedy = "newcdrcolumns = yes in [csv] of cdr.conf adds the Linkedid: then records of transferred calls are joined for certain"
	default:
		f.Verdict, f.Text = fine, path+": "+newestRecord(r)
	}
	return f
}

func newestRecord(r asterisk.RecordsReport) string {
	zone := "UTC"
	if r.Ahead != 0 {
		zone = time.Time{}.In(time.FixedZone("", int(r.Ahead/time.Second))).Format("UTC-07:00")
	}
	return fmt.Sprintf("the newest record is of %s; its times are %s", r.Newest.Local().Format(time.DateTime), zone)
}
