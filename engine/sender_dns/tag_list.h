// Lists of tags, "v=DKIM1; p=...", as records of DKIM and DMARC are (RFC 6376 3.2, RFC 9989 4.7).  Pure.  Any thread.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::sender_dns {

struct Tag {
  std::string_view name;
  std::string_view value;  // without the white space around it
};

class TagList {
 public:
  explicit TagList(std::vector<Tag> tags) : tags_(std::move(tags)) {}
  [[nodiscard]] const std::vector<Tag>& all() const { return tags_; }
  // Null: it is not there.
  [[nodiscard]] const Tag* find(std::string_view name) const;

 private:
  std::vector<Tag> tags_;
};

// Views of `text`, in its order.  The error is a sentence: a tag without "=", with a strange name, or there twice.
[[nodiscard]] std::expected<TagList, std::string> parse_tag_list(std::string_view text);

[[nodiscard]] bool is_tag_white_space(char c);
[[nodiscard]] std::string_view without_white_space_around(std::string_view text);
// Of a value "a:b", each part without the white space around it.
[[nodiscard]] std::vector<std::string_view> parts_of(std::string_view value, char separator);

}  // namespace sluice::sender_dns
