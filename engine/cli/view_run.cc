#include "engine/cli/view_run.h"

#include <memory>
#include <ostream>
#include <sstream>
#include <utility>

#include "engine/cli/answer.h"
#include "engine/cli/listing.h"
#include "engine/cli/message_text.h"
#include "engine/cli/usage_listing.h"
#include "engine/cli/views.h"
#include "engine/text/escape.h"

namespace sluice::cli {
namespace {

constexpr int kViewFailed = 1;
constexpr std::string_view kClearScreen = "\x1b[H\x1b[2J";

// Of one answer.
class AnswerView {
 public:
  virtual ~AnswerView() = default;
  virtual void line(std::string_view line) = 0;
  virtual void finish() = 0;
};

class RowsView final : public AnswerView {
 public:
  RowsView(const ViewCommand& command, WallMillis now, std::ostream& out)
      : listing_(*command.view, command.options, now, out) {}
  void line(std::string_view line) override { listing_.add(line); }
  void finish() override { listing_.finish(); }

 private:
  Listing listing_;
};

class UsageView final : public AnswerView {
 public:
  UsageView(const ViewCommand& command, WallMillis now, std::ostream& out)
      : listing_(command.view, command.options, now, out) {}
  void line(std::string_view line) override { listing_.add(line); }
  void finish() override { listing_.finish(); }

 private:
  UsageListing listing_;
};

// Each row as some lines, with an empty one between.
class PagesView final : public AnswerView {
 public:
  using Words = std::string (*)(const ViewRow& row, TimeForm form, WallMillis now);
  PagesView(const ViewCommand& command, Words words, WallMillis now, std::ostream& out)
      : command_(command), words_(words), now_(now), out_(out) {}
  void line(std::string_view line) override {
    const auto row = ViewRow::read(line);
    if (row == nullptr) return;
    out_ << (std::exchange(any_, true) ? "\n" : "")
         << words_(*row, command_.options.time.value_or(TimeForm::local), now_);
  }
  void finish() override {
    if (!any_) out_ << command_.view->if_none << "\n";
  }

 private:
  const ViewCommand& command_;
  const Words words_;
  const WallMillis now_;
  std::ostream& out_;
  bool any_ = false;
};

// A message, for a terminal: each line escaped as in the log.
class ContentView final : public AnswerView {
 public:
  explicit ContentView(std::ostream& out) : out_(out) {}
  void line(std::string_view line) override {
    const auto row = ViewRow::read(line);
    if (row == nullptr) return;
    const std::string known = std::exchange(rest_, {}) + row->text("content");
    std::string_view left = known;
    for (std::size_t end = left.find('\n'); end != std::string_view::npos; end = left.find('\n')) {
      const bool crlf = end > 0 && left[end - 1] == '\r';
      out_ << text::escaped_line(left.substr(0, crlf ? end - 1 : end)) << "\n";
      left.remove_prefix(end + 1);
    }
    rest_ = left;
  }
  void finish() override {
    if (!rest_.empty()) out_ << text::escaped_line(rest_) << "\n";
  }

 private:
  std::ostream& out_;
  std::string rest_;  // of a line
};

// The relay's JSON, as it is.
class AsItIs final : public AnswerView {
 public:
  explicit AsItIs(std::ostream& out) : out_(out) {}
  void line(std::string_view line) override { out_ << line << "\n"; }
  void finish() override {}

 private:
  std::ostream& out_;
};

std::unique_ptr<AnswerView> view_of(const ViewCommand& command, WallMillis now, std::ostream& out) {
  if (command.as_it_is) return std::make_unique<AsItIs>(out);
  if (!command.options.json) {
    if (command.view == &kContentView) return std::make_unique<ContentView>(out);
    if (command.view == &kMessageView) return std::make_unique<PagesView>(command, message_text, now, out);
    if (command.view == &kNoticedView) return std::make_unique<PagesView>(command, noticed_account_text, now, out);
    if (command.view == &kReviewView) return std::make_unique<PagesView>(command, review_text, now, out);
  }
  if (command.usage) return std::make_unique<UsageView>(command, now, out);
  return std::make_unique<RowsView>(command, now, out);
}

// Asks once.  An error is a sentence; what the relay says beside data goes to `err`.
std::expected<bool, std::string> ask_once(const ViewCommand& command, const std::string& request,
                                          const ViewWorld& world, std::ostream& out, std::ostream& err) {
  const auto view = view_of(command, world.now(), out);
  AnswerPrinter printer([&view](std::string_view line) { view->line(line); }, err);
  const auto answered = world.ask(request, [&printer](std::string_view bytes) { printer.feed(bytes); });
  if (!answered) return std::unexpected(answered.error());
  const bool whole = printer.finish();
  if (whole) view->finish();
  out.flush();
  return whole;
}

// JSON of one answer, which has no line end inside of a string, on one line.
std::string on_one_line(std::string_view json) {
  std::string line;
  for (const char c : json)
    if (c != '\n') line += c;
  return line;
}

class Watch {
 public:
  Watch(const ViewCommand& command, const std::string& request, const ViewWorld& world)
      : command_(command), request_(request), world_(world) {}

  int run() {
    for (;;) {
      std::ostringstream text;
      std::ostringstream said;
      const auto whole = ask_once(command_, request_, world_, text, said);
      if (world_.interrupted()) return 0;
      if (whole && *whole) {
        if (away_) world_.err << "sluicectl: the relay answers again\n";
        away_ = false;
        show(text.str());
        world_.err << said.str();
      } else if (!first_) {
        say_away(whole ? first_line(said.str()) : text::printable(whole.error()));
      } else {
        world_.err << (whole ? said.str() : "sluicectl: " + text::printable(whole.error()) + "\n");
        return kViewFailed;
      }
      world_.err.flush();
      if (!world_.out.flush()) return kViewFailed;
      first_ = false;
      if (!world_.wait(*command_.options.watch)) return 0;
    }
  }

 private:
  void show(const std::string& text) {
    if (command_.options.json) {
      world_.out << "{\"at_ms\": " << world_.now() << ", \"data\": " << on_one_line(text) << "}\n";
    } else if (world_.terminal) {
      world_.out << kClearScreen << moment_text(world_.now(), command_.options.time.value_or(TimeForm::local))
                 << ", every " << *command_.options.watch << " s\n\n"
                 << text;
    } else {
      world_.out << (first_ ? "" : "\n") << text;
    }
  }
  // Once for each time that it goes away.
  void say_away(const std::string& why) {
    if (!std::exchange(away_, true))
      world_.err << "sluicectl: the relay does not answer (" << why << "); asked again\n";
  }
  static std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

  const ViewCommand& command_;
  const std::string& request_;
  const ViewWorld& world_;
  bool first_ = true;
  bool away_ = false;
};

}  // namespace

int run_view_command(const ViewCommand& command, const std::string& request, const ViewWorld& world) {
  if (command.options.watch) return Watch(command, request, world).run();
  const auto whole = ask_once(command, request, world, world.out, world.err);
  if (!whole) world.err << "sluicectl: " << text::printable(whole.error()) << "\n";
  return whole && *whole ? 0 : kViewFailed;
}

}  // namespace sluice::cli
