#include "engine/cli/view_options.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "engine/text/did_you_mean.h"

namespace sluice::cli {
namespace {

enum class ViewWord : std::size_t { cores, sort, top, by, watch, time };
constexpr std::string_view kWatchName = "--watch";
constexpr std::string_view kWatchDefault = "--watch=2";
static_assert(kWatchDefaultS == 2);

std::string number_fault(const text::Option& option, std::uint32_t most, std::uint32_t& number) {
  return text::take_number(option.name, *option.given, 1, most, number);
}

// "--sort: there is no such key here, did you mean size?; there are: id, size"
std::string unknown_key(std::string_view option, std::string_view key, std::span<const std::string_view> known) {
  std::string text = std::string(option) + ": there is no such key here" + text::or_meant(key, known) + "; there are: ";
  for (std::size_t i = 0; i < known.size(); ++i) text.append(i == 0 ? "" : ", ").append(known[i]);
  return text;
}

bool has_word(const std::vector<std::string_view>& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

std::string by_fault(const View& view, const std::string& by) {
  std::vector<std::string_view> words;
  for (const ViewGroup& group : view.groups) words.push_back(group.word);
  if (words.empty()) return "takes no --by";
  return has_word(words, by) ? "" : unknown_key("--by", by, words);
}

// A key of the JSON stands for its column, too.
std::string take_sort(const View& view, std::string_view key, ViewOptions& options) {
  options.reversed = key.starts_with('-');
  if (options.reversed) key.remove_prefix(1);
  std::vector<std::string_view> titles;
  if (!options.by.empty()) {
    titles.push_back(options.by);
    for (const ViewTotal& total : view.totals) titles.push_back(total.title);
  } else {
    for (const ViewColumn& column : view.columns) titles.push_back(column.title);
    const auto column = std::ranges::find(view.columns, key, &ViewColumn::key);
    if (column != view.columns.end() && !has_word(titles, key)) key = column->title;
  }
  if (!has_word(titles, key)) return unknown_key("--sort", key, titles);
  options.sort = key;
  return "";
}

}  // namespace

constinit const std::string_view kViewOptionsHelp =
    R"(  --sort KEY      Of a list: by this column, or key of JSON. What is most comes
                  first, names from A on, moments from the earliest; with -KEY
                  the other way round.
  --top N         Of a list: show the first N alone.
  --by KEY        Of a list: put together what has the same KEY, and count: of
                  customer, account, destination, host and reason those that it
                  has.
  --cores         Of what is summed over the cores: show each core's part.
                  JSON has each core's anyway, but with --by.
  --watch [S]     Of a list: show it again every S seconds, 2 without a number,
                  until SIGINT, over restarts of the relay, too; with --json an
                  object a line, {"at_ms": ..., "data": ...}.
  --time FORM     Of moments: local, which is the default, with the zone; iso
                  (RFC 3339, in UTC); epoch (seconds since 1970). With it, ages
                  are shown as moments. JSON has milliseconds since 1970.)";

std::array<text::Option, ViewWords::kCount> ViewWords::all() {
  return {text::Option{"--cores", ""}, text::Option{"--sort", "KEY"},       text::Option{"--top", "N"},
          text::Option{"--by", "KEY"}, text::Option{kWatchName, "SECONDS"}, text::Option{"--time", "FORM"}};
}

text::Words ViewWords::with_watch(text::Words words) {
  for (std::size_t i = 0; i < words.size() && words[i] != "--"; ++i) {
    const bool alone = i + 1 == words.size() || !text::whole_number(words[i + 1]);
    if (words[i] == kWatchName && alone) words[i] = kWatchDefault;
  }
  return words;
}

std::string no_view_options(std::span<const text::Option> given) {
  for (const text::Option& option : given)
    if (option.given) return "takes no " + std::string(option.name);
  return "";
}

std::string read_view_options(const View& view, std::span<const text::Option> given, ViewOptions& options) {
  const auto option = [&given](ViewWord word) -> const text::Option& { return given[std::to_underlying(word)]; };
  const auto value = [&option](ViewWord word) { return option(word).given; };
  // What has no columns is no list.
  if (view.columns.empty())
    if (std::string fault = no_view_options(given.first(std::to_underlying(ViewWord::time))); !fault.empty())
      return fault;
  options.cores = value(ViewWord::cores).has_value();
  if (options.cores && !view.per_core) return "takes no --cores: nothing of it is summed over the cores";
  if (const auto by = value(ViewWord::by)) {
    options.by = *by;
    if (std::string fault = by_fault(view, options.by); !fault.empty()) return fault;
    if (options.cores) return "takes either --cores or --by";
  }
  if (const auto sort = value(ViewWord::sort))
    if (std::string fault = take_sort(view, *sort, options); !fault.empty()) return fault;
  if (value(ViewWord::top))
    if (std::string fault = number_fault(option(ViewWord::top), kTopMax, options.top.emplace()); !fault.empty())
      return fault;
  if (value(ViewWord::watch))
    if (std::string fault = number_fault(option(ViewWord::watch), kWatchMaxS, options.watch.emplace()); !fault.empty())
      return fault;
  if (const auto time = value(ViewWord::time)) {
    if (std::string fault = read_time_form(*time, options.time.emplace()); !fault.empty()) return fault;
    if (options.json) return "takes no --time with --json: there, moments are milliseconds since 1970";
  }
  return "";
}

}  // namespace sluice::cli
