package component

var apps = Component{Name: "apps"}
