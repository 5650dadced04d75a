package util

import "syscall"

// GetSysProcAttr is nil: programs run as this process.
func (conf *ConfigType) GetSysProcAttr() *syscall.SysProcAttr { return nil }
