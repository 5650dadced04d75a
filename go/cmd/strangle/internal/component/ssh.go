package component

var ssh = Component{Name: "ssh"}
