package component

var git = Component{Name: "git"}
