#include "engine/cli/password.h"

#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <istream>
#include <optional>
#include <span>
#include <string_view>

namespace sluice::cli {
namespace {

// A line as it is typed or piped in; longer ones are cut, and refused for their length after that.
class Line {
 public:
  Line() = default;
  ~Line() { auth::wipe_bytes(bytes_.data(), bytes_.size()); }
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;

  void add(char c) {
    if (size_ < bytes_.size()) bytes_[size_++] = c;
  }
  [[nodiscard]] std::string_view text() const {
    std::string_view line(bytes_.data(), size_);
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
  }

 private:
  std::array<char, auth::kSecretBytesMax + 2> bytes_{};
  std::size_t size_ = 0;
};

auth::StoreResult<auth::Secret> secret_from(const Line& line) {
  if (line.text().empty())
    return auth::store_error(auth::StoreError::Kind::invalid, "the password is empty; nothing was changed");
  std::optional<auth::Secret> secret = auth::Secret::make(line.text());
  if (secret) return *std::move(secret);
  return auth::store_error(auth::StoreError::Kind::invalid,
                           "that cannot be a password: it takes up to 1024 bytes of UTF-8 without control characters; "
                           "nothing was changed");
}

// Typed characters are not shown while this lives. Signals that would end or stop the program wait
// as long, or they would leave the terminal without echo.
class EchoOff {
 public:
  explicit EchoOff(int descriptor) : descriptor_(descriptor) {
    if (::tcgetattr(descriptor_, &before_) != 0) return;
    sigset_t ending;
    ::sigemptyset(&ending);
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP}) ::sigaddset(&ending, number);
    ::sigprocmask(SIG_BLOCK, &ending, &signals_before_);
    termios hidden = before_;
    hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    hidden.c_lflag |= ICANON | ECHONL;
    is_off_ = ::tcsetattr(descriptor_, TCSAFLUSH, &hidden) == 0;
    if (!is_off_) ::sigprocmask(SIG_SETMASK, &signals_before_, nullptr);
  }
  ~EchoOff() {
    if (!is_off_) return;
    ::tcsetattr(descriptor_, TCSAFLUSH, &before_);
    ::sigprocmask(SIG_SETMASK, &signals_before_, nullptr);
  }
  EchoOff(const EchoOff&) = delete;
  EchoOff& operator=(const EchoOff&) = delete;
  [[nodiscard]] bool is_off() const { return is_off_; }

 private:
  int descriptor_;
  termios before_{};
  sigset_t signals_before_{};
  bool is_off_ = false;
};

bool write_out(int descriptor, std::string_view text) {
  return ::write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

bool read_line(int descriptor, Line& line) {
  while (true) {
    char c = 0;
    const ssize_t got = ::read(descriptor, &c, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    if (c == '\n') return true;
    line.add(c);
  }
}

}  // namespace

auth::StoreResult<auth::Secret> read_password_line(std::istream& in) {
  Line line;
  for (int c = in.get(); c != std::istream::traits_type::eof() && c != '\n'; c = in.get()) {
    line.add(static_cast<char>(c));
  }
  return secret_from(line);
}

auth::StoreResult<auth::Secret> ask_password(int descriptor, const std::string& prompt) {
  const EchoOff echo_off(descriptor);
  if (!echo_off.is_off()) {
    return auth::store_error(auth::StoreError::Kind::refused,
                             "the terminal would show the password; use --password-stdin or --generate");
  }
  Line first;
  Line second;
  if (!write_out(descriptor, prompt + ": ") || !read_line(descriptor, first) || !write_out(descriptor, "Again: ") ||
      !read_line(descriptor, second)) {
    return auth::store_error(auth::StoreError::Kind::refused,
                             "the terminal closed before a password was typed; nothing was changed");
  }
  if (first.text() != second.text()) {
    return auth::store_error(auth::StoreError::Kind::invalid, "the two passwords differ; nothing was changed");
  }
  return secret_from(first);
}

bool is_terminal(int descriptor) { return ::isatty(descriptor) == 1; }

std::string generate_password(io::Random& random) {
  // Without l, o, 0 and 1, which people confuse.
  constexpr std::string_view kLetters = "abcdefghijkmnpqrstuvwxyz23456789";
  static_assert(kLetters.size() == 32, "five bits of a byte choose one, each alike");
  constexpr std::size_t kGroups = 4;
  constexpr std::size_t kGroupSize = 5;
  std::array<std::byte, kGroups * kGroupSize> bytes{};
  random.fill(bytes);
  std::string password;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i != 0 && i % kGroupSize == 0) password += '-';
    password += kLetters[std::to_integer<std::size_t>(bytes[i]) % kLetters.size()];
  }
  auth::wipe_bytes(bytes.data(), bytes.size());
  return password;
}

}  // namespace sluice::cli
