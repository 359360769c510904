require_relative "lib/code/version"
Gem::Specification.new do |spec|
  spec.name = "code-tool"
  spec.version = Code::VERSION
  spec.license = "Apache-2.0"
end
