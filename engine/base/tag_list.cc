#include "engine/base/tag_list.h"

#include <algorithm>
#include <iterator>

#include "engine/base/ascii.h"

namespace sluice {
namespace {

constexpr std::size_t kTagBytesShown = 40;

bool is_tag_name(std::string_view name) {
  const auto letter = [](char c) { return to_lower(c) >= 'a' && to_lower(c) <= 'z'; };
  const auto inside = [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '_'; };
  return !name.empty() && letter(name.front()) && std::ranges::all_of(name, inside);
}

bool is_tag_white_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

}  // namespace

TagList::TagList(std::string_view text) {
  while (!without_white_space_around(text).empty()) {
    if (tags_.size() == kTagsMax) {
      if (fault_.empty()) fault_ = "it has more than " + std::to_string(kTagsMax) + " tags";
      return;
    }
    const std::size_t end = text.find(';');
    std::string wrong = take(without_white_space_around(text.substr(0, end)));
    if (fault_.empty()) fault_ = std::move(wrong);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
}

// What is wrong with it.
std::string TagList::take(std::string_view spec) {
  const std::size_t equals = spec.find('=');
  if (equals == std::string_view::npos)
    return "\"" + std::string(spec.substr(0, kTagBytesShown)) + "\" is no tag: it has no \"=\"";
  const Tag tag{.name = without_white_space_around(spec.substr(0, equals)),
                .value = without_white_space_around(spec.substr(equals + 1))};
  if (!is_tag_name(tag.name))
    return "\"" + std::string(tag.name.substr(0, kTagBytesShown)) + "\" is not what a tag can be called";
  if (find(tag.name) != nullptr)
    return "the tag " + std::string(tag.name.substr(0, kTagBytesShown)) + "= is there twice";
  tags_.push_back(tag);
  return {};
}

const Tag* TagList::find(std::string_view name) const {
  const auto found = std::ranges::find(tags_, name, &Tag::name);
  return found == tags_.end() ? nullptr : &*found;
}

std::string_view without_white_space_around(std::string_view text) {
  while (!text.empty() && is_tag_white_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_tag_white_space(text.back())) text.remove_suffix(1);
  return text;
}

std::string without_white_space(std::string_view text) {
  std::string bare;
  std::ranges::copy_if(text, std::back_inserter(bare), [](char c) { return !is_tag_white_space(c); });
  return bare;
}

std::vector<std::string_view> value_parts(std::string_view value) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t colon = value.find(':');
    parts.push_back(without_white_space_around(value.substr(0, colon)));
    if (colon == std::string_view::npos) return parts;
    value.remove_prefix(colon + 1);
  }
}

}  // namespace sluice
