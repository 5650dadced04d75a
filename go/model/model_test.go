package model

import (
	"encoding/json"
	"net/url"
	"reflect"
	"strings"
	"testing"
)

func TestHiddenFieldsAreInTheDocumentOnly(t *testing.T) {
	secret, storage := "encrypted", 3
	key := AccessKey{ID: 1, Name: "deploy", Secret: &secret, StorageID: &storage}
	answer, err := json.Marshal(key)
	if err != nil || strings.Contains(string(answer), "encrypted") {
		t.Fatalf("%s %v", answer, err)
	}
	document, err := Encode(&key)
	if err != nil || !strings.Contains(string(document), `"secret":"encrypted"`) {
		t.Fatalf("%s %v", document, err)
	}
	var found AccessKey
	if err := Decode(document, &found); err != nil || !reflect.DeepEqual(found, key) {
		t.Fatalf("%+v %v", found, err)
	}
}

func TestAnEntityInAnEntityIsWhole(t *testing.T) {
	schedule := Schedule{ID: 1, TaskParams: &TaskParams{ID: 7, Message: "again", Params: Object{"big": json.Number("9007199254740993")}}}
	document, err := Encode(schedule)
	if err != nil {
		t.Fatal(err)
	}
	var found Schedule
	if err := Decode(document, &found); err != nil || !reflect.DeepEqual(found, schedule) {
		t.Fatalf("%s: %+v %v", document, found.TaskParams, err)
	}
}

func TestWhatIsOnlyShownIsLeftOut(t *testing.T) {
	template := Template{Name: "Hello", LastTask: &TaskWithTemplate{TemplateAlias: "Hello"}}
	document, err := Encode(template)
	if err != nil || strings.Contains(string(document), "last_task") {
		t.Fatalf("%s %v", document, err)
	}
	var found Template
	if err := Decode([]byte(`{"name":"Hello","last_task":{"id":5}}`), &found); err != nil || found.LastTask != nil || found.Name != "Hello" {
		t.Fatalf("%+v %v", found, err)
	}
}

func TestWhatIsNoEntityIsRefused(t *testing.T) {
	if _, err := Encode("text"); err == nil {
		t.Error("a text was encoded")
	}
	var key AccessKey
	for name, attempt := range map[string]error{
		"into a value":     Decode([]byte("{}"), key),
		"into nothing":     Decode([]byte("{}"), (*AccessKey)(nil)),
		"not JSON":         Decode([]byte("{"), &key),
		"another type":     Decode([]byte(`{"name":5}`), &key),
		"hidden, the same": Decode([]byte(`{"secret":5}`), &key),
	} {
		if attempt == nil {
			t.Error(name)
		}
	}
}

func TestQueryParameters(t *testing.T) {
	parameters := QueryParameters{SortBy: "name", SortInverted: true}
	values := parameters.Values()
	if values.Encode() != "order=desc&sort=name" || ParseQueryParameters(values) != parameters {
		t.Error(values)
	}
	if len(QueryParameters{}.Values()) != 0 || ParseQueryParameters(url.Values{"order": {"asc"}}) != (QueryParameters{}) {
		t.Error("nothing is not nothing")
	}
}
