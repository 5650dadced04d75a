package tasks

import "example.org/minihost/pkg/task_logger"

// Where people are told of a status. The mini host only notes it.
func (t *TaskRunner) sendMailAlert()           { t.pool.noteAlert(t, "mail") }
func (t *TaskRunner) sendTelegramAlert()       { t.pool.noteAlert(t, "telegram") }
func (t *TaskRunner) sendSlackAlert()          { t.pool.noteAlert(t, "slack") }
func (t *TaskRunner) sendRocketChatAlert()     { t.pool.noteAlert(t, "rocketchat") }
func (t *TaskRunner) sendMicrosoftTeamsAlert() { t.pool.noteAlert(t, "microsoft-teams") }
func (t *TaskRunner) sendDingTalkAlert()       { t.pool.noteAlert(t, "dingtalk") }
func (t *TaskRunner) sendGotifyAlert()         { t.pool.noteAlert(t, "gotify") }

// alert tells people about a status, each by the way that was made for them.
func (t *TaskRunner) alert(status task_logger.TaskStatus) {
	var ways []func()
	if status == task_logger.TaskFailStatus {
		ways = append(ways, t.sendMailAlert)
	}
	if status.IsNotifiable() {
		ways = append(ways, t.sendTelegramAlert, t.sendSlackAlert, t.sendRocketChatAlert, t.sendMicrosoftTeamsAlert, t.sendDingTalkAlert,
			t.sendGotifyAlert)
	}
	for _, send := range ways {
		send()
	}
}
