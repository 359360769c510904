Gem::Specification.new do |s|
  s.name = "nokogiri"
  s.version = "0"
end
