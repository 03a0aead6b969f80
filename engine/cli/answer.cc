#include "engine/cli/answer.h"

#include <ostream>

#include "engine/control/queue_request.h"

namespace sluice::cli {

bool answer_has_end(std::string_view request) { return request != "reload" && request != "drain"; }

void AnswerPrinter::feed(std::string_view bytes) {
  empty_ = empty_ && bytes.empty();
  for (std::size_t end = bytes.find('\n'); end != std::string_view::npos; end = bytes.find('\n')) {
    rest_ += bytes.substr(0, end);
    bytes.remove_prefix(end + 1);
    line(rest_);
    rest_.clear();
  }
  rest_ += bytes;
}

// Rows begin with an ID, a number or a label, and JSON with a bracket or a blank: none looks like these.
void AnswerPrinter::line(std::string_view line) {
  if (line.starts_with(control::kAnswerError)) {
    failed_ = true;
    err_ << line << "\n";
  } else if (line.starts_with(control::kAnswerNote)) {
    err_ << "sluicectl: " << line.substr(control::kAnswerNote.size()) << "\n";
  } else if (has_end_ && line == control::kAnswerEnd) {
    ended_ = true;
  } else if (out_ != nullptr) {
    *out_ << line << "\n";
  } else {
    take_(line);
  }
}

bool AnswerPrinter::finish() {
  if (out_ != nullptr) (*out_ << rest_).flush();
  if (!failed_ && (has_end_ ? !ended_ : empty_)) {
    failed_ = true;
    err_ << "sluicectl: the answer was cut off: there is more than this\n";
  }
  return !failed_;
}

}  // namespace sluice::cli
