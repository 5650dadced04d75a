package component

var taskRunner = Component{Name: "task_runner"}
