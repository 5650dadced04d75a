package tasks

// Where people are told of a status. The mini host only notes it.
func (t *TaskRunner) sendMailAlert()           { t.pool.noteAlert(t, "mail") }
func (t *TaskRunner) sendTelegramAlert()       { t.pool.noteAlert(t, "telegram") }
func (t *TaskRunner) sendSlackAlert()          { t.pool.noteAlert(t, "slack") }
func (t *TaskRunner) sendRocketChatAlert()     { t.pool.noteAlert(t, "rocketchat") }
func (t *TaskRunner) sendMicrosoftTeamsAlert() { t.pool.noteAlert(t, "microsoft-teams") }
func (t *TaskRunner) sendDingTalkAlert()       { t.pool.noteAlert(t, "dingtalk") }
func (t *TaskRunner) sendGotifyAlert()         { t.pool.noteAlert(t, "gotify") }
