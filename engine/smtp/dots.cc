#include "engine/smtp/scan.h"

namespace sluice::smtp {
namespace {

using scan_detail::Place;

// Goes on from `place` to the first line start in `input` (not empty), or to its end.  The bytes
// gone over.
std::size_t to_line_start(Place& place, std::string_view input) {
  if (place == Place::after_cr && input[0] == '\n') {
    place = Place::line_start;
    return 1;
  }
  std::size_t at = 0;
  while (at < input.size()) {
    const std::size_t lf = input.find('\n', at);
    if (lf == std::string_view::npos) break;
    at = lf + 1;
    if (lf > 0 && input[lf - 1] == '\r') {
      place = Place::line_start;
      return at;
    }
  }
  place = input.back() == '\r' ? Place::after_cr : Place::inside;
  return input.size();
}

}  // namespace

DotStuffer::Step DotStuffer::step(std::string_view input) {
  if (place_ == Place::line_start && !dot_done_ && input.starts_with('.')) {
    dot_done_ = true;
    return {0, true};
  }
  std::size_t at = 0;
  while (at < input.size()) {
    at += to_line_start(place_, input.substr(at));
    dot_done_ = at < input.size() && input[at] == '.';
    if (dot_done_) return {at, true};
  }
  return {at, false};
}

std::string_view DotStuffer::end() const {
  return place_ == Place::line_start ? std::string_view(".\r\n") : std::string_view("\r\n.\r\n");
}

DotUnstuffer::Step DotUnstuffer::step(std::string_view input) {
  if (place_ == Place::line_start && input.starts_with('.')) {
    place_ = Place::inside;
    return {0, 1};
  }
  std::size_t at = 0;
  while (at < input.size()) {
    at += to_line_start(place_, input.substr(at));
    if (at < input.size() && input[at] == '.') {
      place_ = Place::inside;
      return {at, 1};
    }
  }
  return {at, 0};
}

}  // namespace sluice::smtp
