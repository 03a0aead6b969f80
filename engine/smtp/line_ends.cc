#include "engine/smtp/scan.h"

namespace sluice::smtp {

std::string_view LineEndNormaliser::take(char c) {
  const Place before = place_;
  if (before == Place::bare_dot && c != '.') {
    // The dot that stuffing would have put there; then the byte again.
    place_ = Place::inside;
    return ".";
  }
  if (c == '\n' && before == Place::inserted_cr) {
    place_ = Place::bare_start;
  } else if (c == '\n' && before == Place::after_cr) {
    place_ = Place::line_start;
  } else if (c == '\n') {
    place_ = Place::inserted_cr;
    // A dot alone behind CRLF would end the message, now that a CRLF comes behind it, too.
    return before == Place::dot ? ".\r" : "\r";
  } else if (c == '\r') {
    place_ = Place::after_cr;
  } else if (c == '.' && dot_stuffed_ && before == Place::line_start) {
    place_ = Place::dot;
  } else if (c == '.' && dot_stuffed_ && before == Place::bare_start) {
    place_ = Place::bare_dot;
  } else {
    place_ = Place::inside;
  }
  return {};
}

LineEndNormaliser::Step LineEndNormaliser::step(std::string_view input) {
  std::size_t at = 0;
  while (at < input.size()) {
    if (place_ == Place::inside) {
      at = input.find_first_of("\r\n", at);
      if (at == std::string_view::npos) break;
    }
    const std::string_view insert = take(input[at]);
    if (!insert.empty()) return {at, insert};
    ++at;
  }
  return {input.size(), {}};
}

bool LineEndNormaliser::skip(std::string_view input) {
  if (input.empty()) return true;
  if (place_ == Place::bare_start || place_ == Place::bare_dot) return false;
  const bool one = input.size() == 1;
  const char last = input.back();
  const bool at_start = one ? place_ == Place::line_start : input[input.size() - 2] == '\n';
  place_ = last == '\r'                              ? Place::after_cr
           : last == '\n'                            ? Place::line_start
           : last == '.' && at_start && dot_stuffed_ ? Place::dot
                                                     : Place::inside;
  return true;
}

}  // namespace sluice::smtp
