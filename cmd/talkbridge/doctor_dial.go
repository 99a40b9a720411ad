package main

import "slices"

// originates says whether calls can be placed, where they are to be. The right for it is
// then none too many.
func (p *phoneDoctor) originates(wanted bool) {
	if !wanted {
		return
	}
	may := slices.Contains(p.report.Powers, "Originate")
	p.report.Powers = slices.DeleteFunc(p.report.Powers, func(power string) bool { return power == "Originate" })
	if may {
		p.add("dialling", fine, "this user may place calls", "")
		return
	}
	p.add("dialling", failure, "the action Originate is refused: no call is placed", "write = reporting,originate in "+p.section())
}
