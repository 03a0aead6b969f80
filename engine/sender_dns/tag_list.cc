#include "engine/sender_dns/tag_list.h"

#include <algorithm>

#include "engine/base/ascii.h"

namespace sluice::sender_dns {
namespace {

bool is_tag_name(std::string_view name) {
  const auto letter = [](char c) { return to_lower(c) >= 'a' && to_lower(c) <= 'z'; };
  const auto inside = [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '_'; };
  return !name.empty() && letter(name.front()) && std::ranges::all_of(name, inside);
}

}  // namespace

const Tag* TagList::find(std::string_view name) const {
  const auto found = std::ranges::find(tags_, name, &Tag::name);
  return found == tags_.end() ? nullptr : &*found;
}

bool is_tag_white_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

std::string_view without_white_space_around(std::string_view text) {
  while (!text.empty() && is_tag_white_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_tag_white_space(text.back())) text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> parts_of(std::string_view value, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t at = value.find(separator);
    parts.push_back(without_white_space_around(value.substr(0, at)));
    if (at == std::string_view::npos) return parts;
    value.remove_prefix(at + 1);
  }
}

std::expected<TagList, std::string> parse_tag_list(std::string_view text) {
  // More are no record of ours, and each is compared with all others.
  constexpr std::size_t kTagsMax = 64;
  std::vector<Tag> tags;
  while (!without_white_space_around(text).empty()) {
    const std::size_t end = text.find(';');
    const std::string_view spec = without_white_space_around(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const std::size_t equals = spec.find('=');
    if (equals == std::string_view::npos)
      return std::unexpected("\"" + std::string(spec.substr(0, 40)) + "\" is no tag: it has no \"=\"");
    const Tag tag{.name = without_white_space_around(spec.substr(0, equals)),
                  .value = without_white_space_around(spec.substr(equals + 1))};
    if (!is_tag_name(tag.name))
      return std::unexpected("\"" + std::string(tag.name.substr(0, 40)) + "\" is not what a tag can be called");
    if (std::ranges::find(tags, tag.name, &Tag::name) != tags.end())
      return std::unexpected("the tag " + std::string(tag.name) + "= is there twice");
    if (tags.size() == kTagsMax) return std::unexpected("it has more than " + std::to_string(kTagsMax) + " tags");
    tags.push_back(tag);
  }
  return TagList(std::move(tags));
}

}  // namespace sluice::sender_dns
