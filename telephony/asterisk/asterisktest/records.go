package asterisktest

import (
	"fmt"
	"os"
	"strings"
)

// writeRecord appends the call detail record that a Cdr event tells of to
// Master.csv, as cdr_csv does with loguniqueid=yes and loguserfield=yes.
func (p *play) writeRecord(e *event) error {
	if p.player.Records == "" || e.kind != "Cdr" {
		return nil
	}
	quoted := func(key string) string { return `"` + strings.ReplaceAll(e.get(key), `"`, `""`) + `"` }
	date := func(key string) string {
		if e.get(key) == "" {
			return ""
		}
		return quoted(key)
	}
	columns := []string{
		quoted("AccountCode"), quoted("Source"), quoted("Destination"), quoted("DestinationContext"), quoted("CallerID"),
		quoted("Channel"), quoted("DestinationChannel"), quoted("LastApplication"), quoted("LastData"),
		date("StartTime"), date("AnswerTime"), date("EndTime"), e.get("Duration"), e.get("BillableSeconds"),
		quoted("Disposition"), quoted("AMAFlags"), quoted("UniqueID"), quoted("UserField"),
	}
	p.player.mail.Lock()
	defer p.player.mail.Unlock()
	if !p.player.OldRecords {
		p.player.records++
		columns = append(columns, `""`, quoted("LinkedID"), fmt.Sprint(p.player.records))
	}
	file, err := os.OpenFile(p.player.Records, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write call record: %w", err)
	}
	if _, err := file.WriteString(strings.Join(columns, ",") + "\n"); err != nil {
		_ = file.Close() // the writing says more
		return fmt.Errorf("write call record: %w", err)
	}
	return file.Close()
}
