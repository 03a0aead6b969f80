// What sluicectl does with the relay's answer while it comes: data to standard output, notes and errors to standard
// error. Owned by one call of sluicectl; one thread.
#pragma once

#include <functional>
#include <iosfwd>
#include <string>
#include <string_view>
#include <utility>

namespace sluice::cli {

// Whether the answer to a request ends in kAnswerEnd.
[[nodiscard]] bool answer_has_end(std::string_view request);

class AnswerPrinter {
 public:
  // `has_end`: the answer ends in kAnswerEnd, or it is not whole.  Without it, an answer of nothing at all is cut off.
  // The streams outlive this.
  AnswerPrinter(bool has_end, std::ostream& out, std::ostream& err) : has_end_(has_end), out_(&out), err_(err) {}
  // Of an answer that has an end: whole lines of data go to `line`.
  AnswerPrinter(std::function<void(std::string_view)> line, std::ostream& err)
      : has_end_(true), take_(std::move(line)), err_(err) {}

  // Bytes of the answer, in any pieces.
  void feed(std::string_view bytes);
  // There is no more.  False: something has failed, and standard error says what.
  [[nodiscard]] bool finish();

 private:
  void line(std::string_view line);

  const bool has_end_;
  std::ostream* const out_ = nullptr;  // null: `take_` is there
  const std::function<void(std::string_view)> take_;
  std::ostream& err_;
  std::string rest_;  // of a line that is not complete
  bool ended_ = false;
  bool empty_ = true;
  bool failed_ = false;
};

}  // namespace sluice::cli
