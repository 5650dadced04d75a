package verify

import (
	"slices"
	"strings"
	"testing"
)

func quiet(string, ...any) {}

func TestOutcomesAreRead(t *testing.T) {
	outcomes, said := readTests(strings.NewReader(`{"Action":"run","Package":"a","Test":"TestOne"}
{"Action":"output","Package":"a","Test":"TestOne","Output":"why it failed\n"}
{"Action":"fail","Package":"a","Test":"TestOne"}
{"Action":"output","Package":"a","Test":"TestTwo","Output":"nobody wants to know\n"}
{"Action":"pass","Package":"a","Test":"TestTwo"}
{"Action":"pass","Package":"a","Test":"TestTwo/part"}
{"Action":"skip","Package":"a","Test":"TestThree"}
{"Action":"fail","Package":"a","Elapsed":0.1}
{"Action":"build-output","ImportPath":"b","Output":"b.go:1: undefined: c\n"}
{"Action":"fail","Package":"b"}
not a document
`), quiet)
	for test, wanted := range map[Test]string{
		{"a", "TestOne"}: failed, {"a", "TestTwo"}: passed, {"a", "TestTwo/part"}: passed, {"a", "TestThree"}: skipped, {"b", ""}: failed,
	} {
		if outcomes[test] != wanted {
			t.Errorf("%v: %q, not %q", test, outcomes[test], wanted)
		}
	}
	for _, wanted := range []string{"why it failed", "undefined: c", "not a document"} {
		if !strings.Contains(said, wanted) {
			t.Errorf("%q is not in %q", wanted, said)
		}
	}
	if strings.Contains(said, "nobody") {
		t.Errorf("what a test said that passed is in %q", said)
	}
}

func TestATestMustRunAndPassAsBefore(t *testing.T) {
	before := map[Test]string{
		{"a", "TestPasses"}: passed, {"a", "TestIsGone"}: passed, {"a", "TestFails"}: passed, {"a", "TestIsSkipped"}: passed,
		{"a", "TestFailedBefore"}: failed, {"old", "TestMoves"}: passed, {"old", "TestIsLost"}: passed,
	}
	after := map[Test]string{
		{"a", "TestPasses"}: passed, {"a", "TestFails"}: failed, {"a", "TestIsSkipped"}: skipped, {"a", "TestFailedBefore"}: failed,
		{"a", "TestIsNew"}: failed, {"new", "TestMoves"}: passed, {"old", "TestIsLost"}: passed,
	}
	is := compareTests(before, after, map[string]string{"old": "new"})
	wanted := []string{"a TestFails failed", "a TestIsGone did not run", "a TestIsSkipped was skipped", "new TestIsLost did not run"}
	if !slices.Equal(is, wanted) {
		t.Errorf("%q, not %q", is, wanted)
	}
}

func TestAStepThatFailedBeforeMayFailTheSameWay(t *testing.T) {
	snapshot := func(output string) *Snapshot {
		return &Snapshot{Modules: map[string]*Module{".": {Steps: []Step{{Name: "go vet", Passed: output == "", Output: output}}}}}
	}
	before := snapshot("# host\nstore.go:28:2: unreachable code")
	for output, worse := range map[string]bool{
		"": false,
		"go: downloading x v1\n# host\nstore.go:31:2: unreachable code":  false,
		"store.go:28:2: unreachable code\nstore.go:30:1: missing return": true,
	} {
		if problems := compare("with the tag", before, snapshot(output), nil); (len(problems) > 0) != worse {
			t.Errorf("%q: %v", output, problems)
		}
	}
	if problems := compare("with the tag", snapshot(""), snapshot("x.go:1: no"), nil); len(problems) != 1 {
		t.Errorf("a new failure is %v", problems)
	}
	if problems := compare("with the tag", before, &Snapshot{}, nil); len(problems) != 1 {
		t.Errorf("a module that is gone is %v", problems)
	}
}

func TestWhyTestsDoNotRunIsShown(t *testing.T) {
	tests := func(outcome string, passes bool) *Snapshot {
		return &Snapshot{Modules: map[string]*Module{".": {
			Steps: []Step{{Name: testStep, Passed: passes, Output: "a.go:1: does not compile"}},
			Tests: map[Test]string{{"a", "TestOne"}: outcome},
		}}}
	}
	for _, one := range []struct {
		before, after *Snapshot
		problems      int
	}{
		{tests(passed, true), tests("", false), 2},
		{tests(passed, true), tests(passed, false), 1},
		{tests(failed, false), tests(failed, false), 0},
		{tests(passed, true), tests(passed, true), 0},
	} {
		problems := compare("with the tag", one.before, one.after, nil)
		if len(problems) != one.problems || (len(problems) > 0 && !strings.Contains(problems[0], "does not compile")) {
			t.Errorf("%q", problems)
		}
	}
}
