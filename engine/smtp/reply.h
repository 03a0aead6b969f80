// Replies: what they are, the one table of those that Sluice gives itself, and how they are written
// to the wire.
// Values; a writer borrows the string that it appends to.  Any thread, no sharing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::smtp {

// RFC 3463: class.subject.detail.  Class 0 means that there is none.
struct EnhancedCode {
  std::uint8_t cls = 0;
  std::uint16_t subject = 0;
  std::uint16_t detail = 0;

  [[nodiscard]] constexpr bool present() const { return cls != 0; }
  friend constexpr bool operator==(const EnhancedCode&, const EnhancedCode&) = default;
};

// "4.3.0"; empty: there is none.
[[nodiscard]] std::string enhanced_text(const EnhancedCode& code);

// A reply known at compile time.
struct StandardReply {
  std::uint16_t code = 0;
  EnhancedCode enhanced;
  std::string_view text;
  std::string_view name = {};  // its constant's, "kTooManyRecipients"; see reason_name()
};

// RFC 5321 4.2: "An SMTP client MUST determine its actions only by the reply code"; an unknown
// one by its first digit.
enum class ReplyClass : std::uint8_t { positive = 2, intermediate = 3, transient = 4, permanent = 5 };

class Reply {
 public:
  Reply() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): the table's entries are replies.
  Reply(const StandardReply& standard)
      : code_(standard.code), enhanced_(standard.enhanced), fixed_(standard.text), name_(standard.name) {}
  // Lines of `text` are parted by '\n'.  The code is 200..599, and a 2xx, 4xx or 5xx has an
  // enhanced code of its class.
  Reply(std::uint16_t code, EnhancedCode enhanced, std::string text);

  // A next hop's reply for showing to our client: bounded (kRelayedLinesMax, kRelayedBytesMax),
  // cleaned, with an enhanced code of the right class, and never with a code that is about our own
  // session (421, 500, 530, ...).
  static Reply relayed(std::uint16_t code, EnhancedCode enhanced, std::string_view text);

  [[nodiscard]] std::uint16_t code() const { return code_; }
  [[nodiscard]] EnhancedCode enhanced() const { return enhanced_; }
  [[nodiscard]] std::string_view text() const { return owned_.empty() ? fixed_ : std::string_view(owned_); }
  // By what the log calls a refusal; static storage.  Empty where nothing was given.
  [[nodiscard]] std::string_view name() const { return name_; }
  void set_name(std::string_view name) { name_ = name; }
  // Ends the text with "(id ...)", for the client to ask about, unless the text has that id already.
  void add_id(std::string_view id);
  [[nodiscard]] ReplyClass reply_class() const { return static_cast<ReplyClass>(code_ / 100); }
  [[nodiscard]] bool positive() const { return reply_class() == ReplyClass::positive; }
  [[nodiscard]] bool transient() const { return reply_class() == ReplyClass::transient; }
  [[nodiscard]] bool permanent() const { return reply_class() == ReplyClass::permanent; }

 private:
  std::uint16_t code_ = 0;
  EnhancedCode enhanced_;
  std::string_view fixed_;  // static storage
  std::string_view name_;
  std::string owned_;
};

// "too_many_recipients" for "kTooManyRecipients": how a refusal is called in the log.  Other names stay as they are.
[[nodiscard]] std::string reason_name(std::string_view constant);

// What a text may be written in.
enum class Charset : std::uint8_t {
  ascii,
  utf8,  // RFC 6531 3.7.4.1: for a client that has said SMTPUTF8
};

// Appends replies to a string.  Nothing but printable ASCII, HT and, where the client takes it, UTF-8 leaves it,
// whatever the text holds: see append_clean_text().  A line that is too long is cut.
class ReplyWriter {
 public:
  explicit ReplyWriter(std::string& out) : out_(out) {}

  // With the enhanced code on every line (RFC 2034 4); 3xx have none.  `suffix` goes on the last
  // line, after a space.
  void write(const Reply& reply, std::string_view suffix = {}, Charset charset = Charset::ascii);
  // Without, in ASCII: for the greeting, and for the answers to HELO and EHLO only (RFC 2034 4).
  void write_plain(std::uint16_t code, std::string_view text);
  // One line of a many-line answer to EHLO.
  void write_plain_line(std::uint16_t code, std::string_view text, bool last);

  // RFC 4954 4: "334" and the challenge in base64.
  void write_challenge(std::string_view bytes);

  // Replies written by this writer so far.
  [[nodiscard]] std::size_t count() const { return count_; }

 private:
  void line(std::uint16_t code, EnhancedCode enhanced, std::string_view text, std::string_view suffix, bool last,
            Charset charset);

  std::string& out_;
  std::size_t count_ = 0;
};

// Appends at most `bytes_max` bytes of `text`: bytes that are neither printable nor HT nor UTF-8 become '?'; characters
// that mislead a reader (base/unicode.h), and those that `charset` lacks, become "\x{202E}", as RFC 6533 writes them.
void append_clean_text(std::string_view text, std::size_t bytes_max, Charset charset, std::string& out);

// "5.7.1" at the start of `text`, followed by a space or the end; class 2, 4 or 5.  `rest` is what
// follows, or all of it.
EnhancedCode parse_enhanced_code(std::string_view text, std::string_view& rest);

// Every reply that Sluice gives of its own accord.  Drivers take theirs from here too.
namespace replies {

#define SLUICE_REPLY(name, code, subject, detail, text) \
  inline constexpr StandardReply name { code, {(code) / 100, subject, detail}, text, #name }

SLUICE_REPLY(kOk, 250, 0, 0, "Ok");
SLUICE_REPLY(kReset, 250, 0, 0, "Ok");
SLUICE_REPLY(kSenderOk, 250, 1, 0, "Sender ok");
SLUICE_REPLY(kRecipientOk, 250, 1, 5, "Recipient ok");
SLUICE_REPLY(kChunkOk, 250, 0, 0, "Chunk ok");
SLUICE_REPLY(kMessageTaken, 250, 0, 0, "Message accepted for delivery");
SLUICE_REPLY(kHelp, 214, 0, 0,
             "Commands: EHLO HELO STARTTLS AUTH MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT (RFC "
             "5321, RFC 6409)");
SLUICE_REPLY(kGoodbye, 221, 0, 0, "Bye");
SLUICE_REPLY(kReadyForTls, 220, 0, 0, "Ready to start TLS");
SLUICE_REPLY(kAuthOk, 235, 7, 0, "Authentication successful");
SLUICE_REPLY(kCannotVerify, 252, 5, 0, "Cannot VRFY user, but will accept message and attempt delivery");
inline constexpr StandardReply kSendData{354, {}, "End data with <CR><LF>.<CR><LF>"};

SLUICE_REPLY(kTooManyErrors, 421, 7, 0, "Too many errors, closing connection");
SLUICE_REPLY(kTooManyIdleCommands, 421, 7, 0, "Too many nonmail commands, closing connection");
SLUICE_REPLY(kTooManyRefusedRecipients, 421, 7, 0, "Too many refused recipients, closing connection");
SLUICE_REPLY(kEndlessLine, 421, 7, 0, "Command too long, closing connection");
SLUICE_REPLY(kTooManyAuthFailures, 421, 7, 0, "Too many authentication failures, closing connection");
SLUICE_REPLY(kOutOfStep, 421, 5, 0, "SMTP protocol synchronization lost, closing connection");
SLUICE_REPLY(kIdleTooLong, 421, 4, 2, "Timeout exceeded, closing connection");
SLUICE_REPLY(kLoginTooLate, 421, 4, 2, "Timeout exceeded: no login in time, closing connection");
SLUICE_REPLY(kContentStopped, 421, 4, 2, "Timeout exceeded: the message stopped coming, closing connection");
SLUICE_REPLY(kCommandTooSlow, 421, 4, 2, "Timeout exceeded: the command took too long, closing connection");
SLUICE_REPLY(kContentTooSlow, 421, 4, 2, "Timeout exceeded: the message comes too slowly, closing connection");
SLUICE_REPLY(kContentSurplus, 421, 3, 4, "Message size exceeds fixed limit by far, closing connection");
SLUICE_REPLY(kShuttingDown, 421, 3, 2, "Service shutting down, try again later");
SLUICE_REPLY(kAccountChanged, 421, 7, 0, "Account changed or suspended, please log in again");
SLUICE_REPLY(kEndedByOperator, 421, 7, 0, "Session ended by the administrator, try again later");
SLUICE_REPLY(kTooManyConnections, 421, 7, 0, "Too many connections from your address, try again later");
SLUICE_REPLY(kTooManyHandshakes, 421, 7, 0, "Too many unfinished TLS handshakes, try again later");
SLUICE_REPLY(kTlsInClear, 421, 7, 0, "TLS begins with STARTTLS on this port, closing connection");
SLUICE_REPLY(kBusy, 421, 3, 2, "Service not available: too many connections, try again later");
SLUICE_REPLY(kTooManyHandshakesHere, 421, 3, 2, "Too many TLS handshakes at this moment, try again later");
SLUICE_REPLY(kInternal, 451, 3, 0, "Requested action aborted: local error in processing, try again later");
SLUICE_REPLY(kNextHopFailure, 451, 4, 1, "No answer from host: the next server cannot take mail now, try again later");
SLUICE_REPLY(kTooManyRecipients, 452, 5, 3, "Too many recipients, send the message to the rest separately");
SLUICE_REPLY(kGoesElsewhere, 452, 5, 3, "Its mail goes another way: send the message to it separately");
SLUICE_REPLY(kNoSpace, 452, 3, 1, "Insufficient system storage, try again later");
SLUICE_REPLY(kCannotHold, 451, 7, 1,
             "This message has to wait for review, and cannot be kept for that here: try again later");
SLUICE_REPLY(kSlowDown, 451, 7, 1, "This account sends unusually much, its messages have to wait: try again later");
SLUICE_REPLY(kCannotSignNow, 451, 7, 5, "Mail of this sender's domain cannot be signed now");
SLUICE_REPLY(kAuthUnavailable, 454, 7, 0, "Temporary authentication failure, try again later");

SLUICE_REPLY(kUnknownCommand, 500, 5, 1, "Command not recognized");
SLUICE_REPLY(kLineTooLong, 500, 5, 6, "Line too long");
SLUICE_REPLY(kBadCharacter, 500, 5, 2, "Control character in a command");
SLUICE_REPLY(kBareLineEnd, 500, 5, 2, "Bare <CR> or <LF> received: lines end with <CR><LF>");
SLUICE_REPLY(kSyntax, 501, 5, 4, "Syntax error in parameters or arguments");
SLUICE_REPLY(kNoArgument, 501, 5, 4, "This command takes no argument");
SLUICE_REPLY(kMissingArgument, 501, 5, 4, "This command needs an argument");
SLUICE_REPLY(kBadHelloName, 501, 5, 4, "Helo command rejected: Invalid name, a host name or address literal is needed");
SLUICE_REPLY(kMailSyntax, 501, 5, 4, "Syntax: MAIL FROM:<address> [parameters]");
SLUICE_REPLY(kRcptSyntax, 501, 5, 4, "Syntax: RCPT TO:<address> [parameters]");
SLUICE_REPLY(kBdatSyntax, 501, 5, 4, "Syntax: BDAT size [LAST]");
SLUICE_REPLY(kAuthSyntax, 501, 5, 4, "Syntax: AUTH mechanism [initial-response]");
SLUICE_REPLY(kBadSenderAddress, 501, 1, 7, "Bad sender address syntax");
SLUICE_REPLY(kBadRecipientAddress, 501, 1, 3, "Bad recipient address syntax");
SLUICE_REPLY(kBadParameter, 501, 5, 4, "Bad value of a parameter");
SLUICE_REPLY(kDuplicateParameter, 501, 5, 4, "Parameter given twice");
SLUICE_REPLY(kAuthCancelled, 501, 7, 0, "Authentication cancelled");
SLUICE_REPLY(kBadBase64, 501, 5, 2, "Invalid base64 data");
SLUICE_REPLY(kMalformedCredentials, 501, 5, 2, "Malformed credentials");
SLUICE_REPLY(kNotImplemented, 502, 5, 1, "Command not implemented");
SLUICE_REPLY(kBadSequence, 503, 5, 1, "Bad sequence of commands");
SLUICE_REPLY(kHelloFirst, 503, 5, 1, "Send EHLO first");
SLUICE_REPLY(kMailFirst, 503, 5, 1, "Need MAIL command");
SLUICE_REPLY(kRcptFirst, 503, 5, 1, "Need RCPT command");
SLUICE_REPLY(kNestedMail, 503, 5, 1, "Nested MAIL command");
SLUICE_REPLY(kInChunks, 503, 5, 1, "Only BDAT or RSET may follow BDAT");
SLUICE_REPLY(kAlreadyAuthenticated, 503, 5, 1, "Already authenticated");
SLUICE_REPLY(kAuthInTransaction, 503, 5, 1, "MAIL transaction in progress: AUTH is not allowed during it");
SLUICE_REPLY(kAlreadyTls, 503, 5, 1, "TLS already active");
SLUICE_REPLY(kUnknownMechanism, 504, 5, 4, "Unrecognized authentication type");
SLUICE_REPLY(kTlsRequired, 530, 7, 0, "Must issue a STARTTLS command first");
SLUICE_REPLY(kAuthRequired, 530, 7, 0, "Authentication required");
SLUICE_REPLY(kAuthFailed, 535, 7, 8, "Authentication credentials invalid");
SLUICE_REPLY(kAccountSuspended, 535, 7, 8, "Account suspended");
SLUICE_REPLY(kAuthNeedsTls, 538, 7, 11, "Encryption required for requested authentication mechanism");
SLUICE_REPLY(kNoSigningKey, 550, 7, 1,
             "Mail of this sender's domain is not signed: its DKIM keys must be set up first");
SLUICE_REPLY(kSigningKeysKeptBack, 550, 7, 1,
             "Mail of this sender's domain is not signed: its records in the DNS must be put right first");
SLUICE_REPLY(kHeaderTooLarge, 552, 3, 4, "The header is too large");
SLUICE_REPLY(kMessageTooBig, 552, 3, 4, "Message size exceeds fixed limit");
SLUICE_REPLY(kNeedsSmtputf8, 553, 6, 7, "Must declare SMTPUTF8 to send unicode address");
// RFC 5321 6.3: "Simple counting of the number of "Received:" header fields in a message" finds loops.
SLUICE_REPLY(kTooManyHops, 554, 4, 6, "Too many hops");
SLUICE_REPLY(kNoValidRecipients, 554, 5, 1, "No valid recipients");
SLUICE_REPLY(kBareInMessage, 550, 5, 2, "Bare <CR> or <LF> received in the message: lines end with <CR><LF>");
SLUICE_REPLY(kNulInMessage, 550, 6, 0, "NUL characters are not allowed in the message");
SLUICE_REPLY(kTextLineTooLong, 550, 6, 0, "Maximum allowed line length is 998 octets");
SLUICE_REPLY(kSendingSuspended, 550, 7, 1, "Sending is suspended, contact the administrator");
SLUICE_REPLY(kNetworkContained, 554, 7, 1, "Access denied: no mail is accepted from your network");
SLUICE_REPLY(kEarlyTalker, 554, 5, 1, "SMTP protocol synchronization error: wait for the greeting");
SLUICE_REPLY(kUnknownParameter, 555, 5, 4, "Unsupported option: parameter not recognized or not offered");

// Of what a next hop cannot carry.
SLUICE_REPLY(kHopWithoutSmtputf8, 550, 6, 7, "The next server does not take SMTPUTF8");
// RFC 6152 3: "must not" send 8-bit content to a server that has not said it takes it.
SLUICE_REPLY(kHopWithoutEightBit, 554, 6, 3, "The next server takes 7-bit content only");
// RFC 1870 6.1: a client that knows the size "need not" try.
SLUICE_REPLY(kHopSizeExceeded, 552, 3, 4, "The next server takes no message of this size");

#undef SLUICE_REPLY

}  // namespace replies
}  // namespace sluice::smtp
