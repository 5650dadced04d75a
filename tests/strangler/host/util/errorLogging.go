package util

import log "github.com/sirupsen/logrus"

// LogErrorF logs an error, if there is one.
func LogErrorF(err error, fields log.Fields) {
	if err != nil {
		log.WithFields(fields).Error(err)
	}
}

// LogPanicF logs an error, if there is one, and panics with it.
func LogPanicF(err error, fields log.Fields) {
	if err != nil {
		log.WithFields(fields).Panic(err)
	}
}

// LogPanic is LogPanicF without fields.
func LogPanic(err error) { LogPanicF(err, nil) }
