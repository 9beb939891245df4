#pragma once

#include <string.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace tidemark::protocol {

// Overwrites and empties a string that held a secret. The compiler may not drop the overwriting.
inline void wipe(std::string& secret) {
    // What a shorter assignment left behind between size and capacity is the secret's as well.
    secret.resize(secret.capacity());
    ::explicit_bzero(secret.data(), secret.size());
    secret.clear();
}

// A password on its way from the wire to the comparison.
//
// Owns one heap block that is overwritten when the object dies. Moving hands over the block, so no
// copy of the bytes stays behind (a moved std::string leaves its small buffer as it was); copying
// is not offered. There is no output operator and no conversion: only view() shows the bytes, which
// makes every use easy to find.
class SecretString {
  public:
    SecretString() = default;
    explicit SecretString(std::string_view secret)
        : bytes_(std::make_unique<char[]>(secret.size())), size_(secret.size()) {
        secret.copy(bytes_.get(), size_);
    }
    // Takes the secret out of `source`, which is wiped.
    static SecretString take(std::string& source) {
        SecretString secret{std::string_view(source)};
        wipe(source);
        return secret;
    }

    SecretString(SecretString&& other) noexcept
        : bytes_(std::move(other.bytes_)), size_(std::exchange(other.size_, 0)) {}
    SecretString& operator=(SecretString&& other) noexcept {
        if (this != &other) {
            clear();
            bytes_ = std::move(other.bytes_);
            size_ = std::exchange(other.size_, 0);
        }
        return *this;
    }
    SecretString(const SecretString&) = delete;
    SecretString& operator=(const SecretString&) = delete;
    ~SecretString() { clear(); }

    // A copy where two owners are really needed.
    [[nodiscard]] SecretString clone() const { return SecretString{view()}; }

    // Valid until the object is moved from, assigned to or destroyed.
    [[nodiscard]] std::string_view view() const { return {bytes_.get(), size_}; }
    [[nodiscard]] bool empty() const { return size_ == 0; }

    void clear() {
        if (bytes_ != nullptr) ::explicit_bzero(bytes_.get(), size_);
        bytes_.reset();
        size_ = 0;
    }

  private:
    std::unique_ptr<char[]> bytes_;
    std::size_t size_ = 0;
};

}  // namespace tidemark::protocol
