#include "engine/cli/view_grammar.h"

#include <algorithm>
#include <array>
#include <utility>

#include "engine/cli/help.h"
#include "engine/cli/operands.h"
#include "engine/cli/views.h"

namespace sluice::cli {
namespace {

constexpr std::array<const View*, 3> kRelayViews{&kStatusView, &kPoolsView, &kCountersView};

const View* find_relay_view(std::string_view word) {
  const auto found = std::ranges::find(kRelayViews, word, &View::name);
  return found == kRelayViews.end() ? nullptr : *found;
}

}  // namespace

bool is_relay_view(std::string_view word) { return find_relay_view(word) != nullptr; }

void parse_relay_view(const text::Words& words, SluicectlCommand& command) {
  const View& view = *find_relay_view(words.front());
  std::array<text::Option, ViewWords::kCount + 1> options;
  std::ranges::copy(ViewWords::all(), options.begin());
  options.back() = {"--json", ""};
  const auto no_operand = [](std::string_view) { return std::string("takes no operand"); };
  if (!read_operands(ViewWords::with_watch(words), options, sluicectl_help, no_operand, command)) return;
  const bool json = options.back().given.has_value();
  const auto given = std::span(options).first<ViewWords::kCount>();
  // For programs that read it as it always was: an object, of which no row can be made.
  const bool whole = &view == &kCountersView && json && no_view_options(given).empty();
  std::string request(view.name);
  request += &view == &kCountersView && !whole ? " cores json" : " json";
  if (const std::string fault = make_view(view, given, {.line = std::move(request), .json = json}, command);
      !fault.empty())
    return fail_command(command, view.name, fault);
  command.view.as_it_is = whole;
}

std::string make_view(const View& view, std::span<const text::Option> given, ViewRequest request,
                      SluicectlCommand& command) {
  ViewOptions options{.json = request.json};
  if (std::string fault = read_view_options(view, given, options); !fault.empty()) return fault;
  if (request.limited && (options.top || !options.sort.empty() || !options.by.empty()))
    return "takes either --limit or --sort, --top and --by, which are about all there is";
  command.kind = SluicectlCommand::Kind::view;
  command.view = {.view = &view, .options = std::move(options)};
  command.request = std::move(request.line);
  return "";
}

}  // namespace sluice::cli
