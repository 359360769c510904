%% not filled in
{application,own,[{vsn,git},{modules,[]}]}.
