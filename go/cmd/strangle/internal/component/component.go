// Package component says what of a Go server moves to the library: six components, each a list of places in the host and of the
// Go source that takes their place.
//
// It is data: how declarations are cut out and files are written is package move's and package edit's business.
package component

// Component is a part of the host that moves at once. The components have a fixed order, see All.
type Component struct {
	// Name is what people call it on the command line.
	Name string
	// Summary says in half a sentence what moves.
	Summary string
	// Imports are packages of the host that are replaced everywhere by one of our module, in builds of both kinds.
	Imports []Import
	// Seams are the places.
	Seams []Seam
	// Shadow are the files of builds in which both implementations are compiled and compared; `delete` removes them.
	Shadow []Shadow
	// ShadowNeeds is the component without whose comparison this one's cannot be compiled.
	ShadowNeeds string
	// Drops are modules that leave the host's go.mod with `delete`, if nothing imports them any more.
	Drops []string
}

// Import is a package of the host, by its directory, and the package of our module that takes its place.
type Import struct {
	// Directory of the host's package, "pkg/task_logger".
	Directory string
	// Package is our package's directory below our module, "tasklog".
	Package string
	// Name is how files name it; it is the alias of imports that have none.
	Name string
	// Tests is where `delete` moves the package's own tests: they go on testing our package.
	Tests string
}

// Seam is a place in the host: one of its packages.
type Seam struct {
	// Directory of the package in the checkout, "pkg/ssh".
	Directory string
	// Whole are files that get //go:build !rust as they are.
	Whole []string
	// Splits are declarations that are cut out of a file.
	Splits []Split
	// Guards are the first statements of methods that decide whether the rest runs.
	Guards []Guard
	// Fields are fields of structures whose type gets a name that both sides declare.
	Fields []Field
	// Glue are generated files with //go:build rust.
	Glue []GlueFile
	// Delete lists what `delete` removes beyond the files with !rust: files and directories, below the checkout.
	Delete []string
}

// Split moves declarations of From into a new file, which gets //go:build !rust. Names are "AgentKey", "NewAgent" and
// "(*TaskRunner).LogCmd"; of a group of types, variables or constants only the named one is taken.
type Split struct {
	From, Into   string
	Declarations []string
}

// Guard makes a method of its own of the statements at the beginning of a method that only decide whether it goes on: `if` and
// `switch` whose bodies do nothing but return. The new method takes the same parameters and says whether the old one may go on.
type Guard struct {
	// File and Method are where the statements are, "(*TaskRunner).SetStatus".
	File, Method string
	// As is the name of the new method, Into its file, which gets //go:build !rust.
	As, Into string
}

// Field gives the type of a field a name: `Name Type` becomes `Name As`, and `type As = Type` goes into the file Into, which gets
// //go:build !rust. The glue declares As in its own way.
type Field struct {
	File, Struct, Name, Type string
	As, Into                 string
}

// Shadow is how a package of the host is compared. The glue calls functions of Off and On, in statements of their own, which `delete`
// takes out of it.
type Shadow struct {
	// Directory of the package in the checkout.
	Directory string
	// Copies are files of the Go implementation that are compiled a second time, under other names.
	Copies []Copy
	// On is the file that compares, with //go:build rust && rust_shadow. Off has the same functions, which do nothing, for builds without
	// that tag.
	On, Off GlueFile
}

// Copy is a file of the Go implementation that becomes Into, with the names of edit.GoName. Only are the declarations that are needed
// of it (all, if empty), Leave those for which the file On has something of its own.
type Copy struct {
	From, Into  string
	Only, Leave []string
}

// GlueFile is a file of the glue: Path below the seam's Directory; Source names the embedded file.
type GlueFile struct {
	Path, Source string
}

// All gives the components in their order: a prefix of it can be applied, no other subset.
func All() []Component {
	return []Component{taskLogger, ssh, keyInstaller, git, apps, taskRunner}
}

// Find gives a component and its place in the order.
func Find(name string) (Component, int, bool) {
	for index, component := range All() {
		if component.Name == name {
			return component, index, true
		}
	}
	return Component{}, 0, false
}

// Names gives the names in their order.
func Names() []string {
	var names []string
	for _, component := range All() {
		names = append(names, component.Name)
	}
	return names
}

// IsReady says whether the component has anything that moves.
func (c Component) IsReady() bool { return len(c.Seams) > 0 }

// GoOnly lists the files, below the checkout, that hold nothing but the Go implementation once the component is applied.
func (c Component) GoOnly() []string {
	var files []string
	seen := map[string]bool{}
	add := func(directory, name string) {
		path := directory + "/" + name
		if !seen[path] {
			seen[path] = true
			files = append(files, path)
		}
	}
	for _, seam := range c.Seams {
		for _, name := range seam.Whole {
			add(seam.Directory, name)
		}
		for _, split := range seam.Splits {
			add(seam.Directory, split.Into)
		}
		for _, guard := range seam.Guards {
			add(seam.Directory, guard.Into)
		}
		for _, field := range seam.Fields {
			add(seam.Directory, field.Into)
		}
	}
	return files
}
