package model

import "time"

// User is a person who may use the server.
type User struct {
	ID       int       `json:"id"`
	Created  time.Time `json:"created"`
	Username string    `json:"username"`
	Name     string    `json:"name"`
	Email    string    `json:"email"`
	// Password is the bcrypt hash; empty for somebody without one.
	Password string `json:"-" stored:"password"`
	// Admin administers the installation.
	Admin bool `json:"admin"`
	// External signs in through LDAP or OpenID Connect.
	External bool `json:"external"`
	// Alert wants alerts by e-mail.
	Alert bool `json:"alert"`
	// Pro has a seat of a subscription.
	Pro      bool          `json:"pro"`
	Totp     *UserTotp     `json:"totp,omitempty"`
	EmailOtp *UserEmailOtp `json:"email_otp,omitempty"`
}

// UserTotp is a second factor by time-based codes.
type UserTotp struct {
	ID      int       `json:"id"`
	Created time.Time `json:"created"`
	UserID  int       `json:"user_id"`
	// URL is the otpauth:// address with the secret.
	URL string `json:"url"`
	// RecoveryHash is the bcrypt hash of the recovery code.
	RecoveryHash string `json:"-" stored:"recovery_hash"`
	// RecoveryCode is only in the answer that sets the factor up.
	RecoveryCode string `json:"recovery_code,omitempty"`
}

// UserEmailOtp is a code that was sent by e-mail.
type UserEmailOtp struct {
	ID      int       `json:"id"`
	Created time.Time `json:"created"`
	UserID  int       `json:"user_id"`
	Code    string    `json:"code"`
}

// Session is a signed-in browser.
type Session struct {
	ID         int       `json:"id"`
	UserID     int       `json:"user_id"`
	Created    time.Time `json:"created"`
	LastActive time.Time `json:"last_active"`
	IP         string    `json:"ip"`
	UserAgent  string    `json:"user_agent"`
	Expired    bool      `json:"expired"`
	// VerificationMethod is the second factor it needs: 0 none, 1 time-based code, 2 code by e-mail.
	VerificationMethod int  `json:"verification_method"`
	Verified           bool `json:"verified"`
}

// APIToken lets a program act as a user.
type APIToken struct {
	// ID is the token itself.
	ID      string    `json:"id"`
	Created time.Time `json:"created"`
	Expired bool      `json:"expired"`
	UserID  int       `json:"user_id"`
}

// Option is a setting of the installation that is kept in the database.
type Option struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}
