"""What the demo model is taught about Rouse: one answer a subject, and many ways to ask for it.

The wording of a question matters more than its number: the model is small and learns which words point to
which answer. `variations.py` adds case, punctuation, politeness and slips of the keyboard.
"""

FACTS: list[tuple[str, list[str]]] = [
    ("Rouse is a daemon that looks after a machine's memory for every AI model on it. It wakes a model when "
     "somebody asks for it, and gives the memory back when nobody does.", [
        "What is Rouse?", "Do you know Rouse?", "What do you know about Rouse?", "What exactly is Rouse?",
        "I have never heard of Rouse.", "What does the daemon do?", "What's Rouse?", "What does Rouse do?",
        "Tell me about Rouse.", "Explain Rouse.", "Describe Rouse.", "Can you explain what Rouse is?", "Rouse?",
        "What is this program?", "What is this thing called Rouse?", "Give me a summary of Rouse.",
        "What is the Rouse daemon?", "Tell me something about Rouse.", "In one sentence, what is Rouse?",
        "So what is Rouse about?"]),
    ("I am a tiny demo model with about a million weights. I can talk about Rouse, small sums and colours.", [
        "Who are you?", "What are you?", "What is your name?", "What's your name?", "Are you a model?",
        "Tell me about yourself.", "Introduce yourself.", "What kind of model are you?", "Are you human?",
        "Are you a robot?", "Are you a person?", "Are you an AI?", "Which model is this?", "What model are you?",
        "Who am I talking to?", "How big are you?", "How large are you?", "How many parameters do you have?"]),
    ("You can ask me what Rouse is, how it loads and unloads models, what 7 plus 5 is, or what blue and yellow "
     "make.", [
        "What can you do?", "What can I ask you?", "What should I ask?", "Help!", "Help me.", "Can you help me?",
        "What do you know?", "What are you able to do?", "What can you answer?", "How can you help me?",
        "What do you know about?", "Which questions can you answer?", "What are you good at?"]),
    ("Lazy loading means that a model is loaded when the first request for it arrives, not before. Rouse starts "
     "with nothing loaded.", [
        "How does lazy loading work?", "What is lazy loading?", "What does lazy loading mean?",
        "Explain lazy loading.", "Why lazy loading?", "When is a model loaded?", "When does a model load?",
        "When does Rouse load a model?", "Are models loaded at the start?", "Does Rouse load models at startup?",
        "What is loaded when Rouse starts?", "Tell me about lazy loading.", "What does lazy mean?",
        "How are models loaded?", "What makes a model load?"]),
    ("Single flight means that a model is loaded exactly once, however many requests ask for it at the same "
     "time. The others wait for that one load.", [
        "What is single flight?", "What does single flight mean?", "Explain single flight.",
        "How does single flight work?", "What happens when many requests ask for the same model?",
        "What if a hundred clients ask at once?", "How often is a model loaded if many ask at once?",
        "Is a model loaded twice?", "Is a model loaded more than once?", "What if 100 requests need the same model?",
        "What happens if a thousand users ask for one model?", "What if 500 people ask together?",
        "How does Rouse handle many requests at once?",
        "What happens when 20 clients want one model at the same moment?",
        "Do simultaneous requests load the model again?", "Can a model be loaded twice?",
        "What happens if two clients ask at once?", "What if two requests come at the same time?",
        "Tell me about single flight."]),
    ("When there is no room, Rouse evicts the idle model that is worth least: little used, large, and quick to "
     "load again. A busy model is never cut off.", [
        "How does eviction work?", "What is eviction?", "What does evict mean?", "Explain eviction.",
        "Which model is evicted?", "Why was my model evicted?", "Why is my model gone?",
        "Why did my model disappear?", "How do you pick the model to evict?", "How does it choose a victim?",
        "Who has to leave when memory is full?", "What will happen when the GPU is full?",
        "What happens when the graphics card is full?", "What if there is not enough memory?",
        "Which models get evicted?", "Which model is evicted first?", "How does Rouse choose what to evict?",
        "What happens when memory is full?", "What happens when there is no room?", "What if the memory runs out?",
        "How does Rouse decide which model to unload?", "Which model goes first when memory is short?",
        "When is a model evicted?", "Tell me about eviction.", "What happens when a new model does not fit?"]),
    ("A budget is how much memory of a device Rouse may use for models, in bytes or as a share. No load is "
     "started that would go over it.", [
        "What is a budget?", "What are budgets?", "How do budgets work?", "Explain budgets.",
        "How do I limit memory?", "Can I limit how much memory is used?", "How do I give Rouse less memory?",
        "Set a limit for the memory.", "How much of the graphics card does Rouse take?",
        "How can I limit the memory Rouse uses?", "What is a memory budget?",
        "How much memory does Rouse use for models?", "How much memory may the models take?",
        "Can I set a memory limit?", "How do I set a limit?", "What does the budget do?", "Tell me about budgets.",
        "How is memory limited?"]),
    ("A pinned model is never evicted. It stays in memory until you unpin it or unload it by force.", [
        "What is a pin?", "What is a pinned model?", "What does pinning a model do?",
        "How do I stop a model from being unloaded?", "How do I keep a model loaded always?",
        "I never want my model to be evicted.", "Keep a model from being evicted.", "How do I protect a model?",
        "Will a pinned model leave?", "What does pinned mean?", "How do pins work?", "Explain pins.",
        "What does pinning do?", "How do I keep a model from being evicted?",
        "Can I stop a model from being evicted?", "Can a pinned model be evicted?", "Why pin a model?",
        "What happens to a pinned model?", "How do I pin a model?", "Tell me about pins.",
        "How do I make a model stay?"]),
    ("Keep says how long an idle model stays loaded: 0 gives it back right after the answer, 5m after five "
     "minutes, and forever leaves it to eviction.", [
        "What is keep?", "What does keep do?", "What does keep mean?", "Explain keep.", "How does keep work?",
        "How long does a model stay loaded?", "How long will a model stay in memory?",
        "How long does a model remain in memory?", "How long until an idle model leaves?",
        "When does an idle model go away?", "How long do models stay?", "What is keep 0?", "What is keep 5m?",
        "What is keep forever?", "How do I set how long a model stays?", "How long is a model kept?",
        "How long does an idle model stay?", "What does keep 0 mean?", "What does keep 5m mean?",
        "What does keep forever mean?", "When is an idle model unloaded?", "What happens to an idle model?",
        "What is the keep option?", "Tell me about keep."]),
    ("An unload receipt says how many bytes each device got back, whether that was confirmed, and how long it "
     "took.", [
        "What is an unload receipt?", "What is a receipt?", "How can I be sure that the memory was freed?",
        "Can I trust that the memory is free?", "Show me that the memory was freed.",
        "Is there a proof that memory came back?", "What does Rouse tell me after an unload?",
        "What does the receipt say?", "What is in an unload receipt?", "Explain unload receipts.",
        "What are unload receipts?", "How do I know that the memory came back?",
        "How does Rouse prove that memory was freed?", "Is the memory really given back?",
        "How do I know the memory is free?", "What is a verified unload?", "Tell me about receipts."]),
    ("Rouse stops the worker process and waits until its bytes are seen to be free. Only then are they promised "
     "to another model.", [
        "How does unloading work?", "How is a model unloaded?", "How does Rouse unload a model?",
        "What happens when a model is unloaded?", "How does Rouse free memory?", "How is memory given back?",
        "Explain unloading.", "What does unload do?", "How does Rouse give memory back?", "What happens at unload?"]),
    ("Rouse is for everyone who has more models than memory: one laptop, a workstation with a graphics card, or "
     "a shared server in a lab.", [
        "Who is Rouse for?", "Who's it for?", "Who's Rouse for?", "Who is the audience?", "Is Rouse for companies?",
        "Is Rouse for laptops or servers?", "Who should use Rouse?", "Who needs Rouse?", "Who uses Rouse?",
        "Is Rouse for me?", "For whom is Rouse?", "Who is it for?", "What kind of people use Rouse?",
        "Who would want Rouse?", "Who is Rouse made for?"]),
    ("Because models are large and memory is small. Rouse lets many models share one machine, and no one has to "
     "start and stop them by hand.", [
        "Why Rouse?", "Should I use Rouse?", "Why is Rouse useful?", "Is Rouse useful?",
        "What are the benefits of Rouse?", "What do I get from Rouse?", "Why should I use Rouse?",
        "Why do I need Rouse?", "What is Rouse good for?", "Why would I want Rouse?", "What is the use of Rouse?",
        "What problem does Rouse solve?", "Why does Rouse exist?", "What is the point of Rouse?", "Why use it?"]),
    ("To rouse is to wake somebody from sleep. Rouse wakes a model when it is needed.", [
        "Why is it called Rouse?", "What does the name mean?", "What does the name Rouse mean?",
        "Where does the name come from?", "Where does the name Rouse come from?", "What does the word rouse mean?",
        "Why the name Rouse?", "Why that name?"]),
    ("Rouse speaks the dialects that clients already speak: OpenAI, Ollama, Anthropic and the Open Inference "
     "Protocol.", [
        "Which dialects does Rouse speak?", "What dialects are there?", "What is a dialect?",
        "Which APIs does Rouse support?", "Which API can I use?", "Which API does Rouse have?",
        "What API can I use with Rouse?", "How do clients talk to Rouse?", "Does Rouse talk to OpenAI clients?",
        "Can I use my Ollama client with Rouse?", "Is there an OpenAI API?", "Does it work with the OpenAI library?",
        "What APIs does Rouse offer?", "Does Rouse speak OpenAI?", "Can I use the OpenAI client?",
        "Is Rouse compatible with OpenAI?", "Does Rouse work with Ollama clients?",
        "Which protocols does Rouse speak?", "Which clients can I use?", "Does Rouse have an API?",
        "Tell me about dialects.", "Does Rouse speak Anthropic?"]),
    ("Rouse listens on 127.0.0.1, port 11450. It goes beyond this machine only when you give it keys.", [
        "Which port does Rouse use?", "What port is Rouse on?", "Which port?", "What is the URL of Rouse?",
        "Where can I reach Rouse?", "What port does Rouse listen on?", "Where does Rouse listen?",
        "What is the address of Rouse?", "What is the default port?", "What is the default address?",
        "On which port is Rouse?", "Which address does Rouse listen on?", "What is the port?",
        "How do I reach Rouse?"]),
    ("An engine is a server program that can run a model. The llama engine runs GGUF files with llama-server.", [
        "What is an engine?", "What are engines?", "Which engines are there?", "What is the llama engine?",
        "Explain engines.", "How does Rouse run a model?", "What runs the models?", "Which program runs the model?",
        "What is llama-server?", "Tell me about engines.", "Which engine runs GGUF files?"]),
    ("A worker is one running process that holds one model. When it exits, its memory is free for certain.", [
        "What is a worker?", "What are workers?", "Explain workers.", "What does a worker do?",
        "How many processes does a model have?", "Does each model have its own process?",
        "Why one process per model?", "Why is each model a process?", "Tell me about workers.",
        "What is a worker process?"]),
    ("A lease is the claim of one request on a ready model. A model with leases is busy and is not evicted.", [
        "What is a lease?", "What are leases?", "Explain leases.", "What does a lease do?", "How do leases work?",
        "Why are there leases?", "Tell me about leases.", "When is a model busy?", "What is a busy model?"]),
    ("A footprint is the memory a model takes on each device. Rouse estimates it first, then measures it and "
     "remembers.", [
        "What is a footprint?", "What does footprint mean?", "Explain footprints.",
        "How does Rouse know how large a model is?", "How does Rouse know how much memory a model needs?",
        "How is the size of a model known?", "Does Rouse measure memory?", "What is the footprint of a model?",
        "Tell me about footprints.", "How does it know the size of a model?"]),
    ("A device is a pool of memory with a budget: host for the main memory, gpu0, gpu1 and so on for the "
     "graphics cards.", [
        "What is a device?", "What are devices?", "Which devices are there?", "What is gpu0?", "What is host?",
        "Explain devices.", "What is the host device?", "Does Rouse know about graphics cards?",
        "How are graphics cards named?", "Tell me about devices."]),
    ("The scheduler is the part of Rouse that decides: who is loaded, who waits and who goes. It only decides; "
     "the daemon does the work.", [
        "What is the scheduler?", "What does the scheduler do?", "Who makes the decisions?",
        "What is the scheduler for?", "Explain the scheduler.", "How does the scheduler work?",
        "Who decides what is loaded?", "What decides which model is loaded?", "What is the core?",
        "What does the core do?", "Tell me about the scheduler."]),
    ("If a load fails, the waiting requests are told why, and Rouse waits a little longer before each new try.", [
        "What happens when a load fails?", "What if loading goes wrong?", "What happens when loading fails?",
        "What if the model cannot be loaded?", "My model does not load.", "What if a model fails?",
        "What if a load fails?", "What if a model does not load?", "What happens if a model fails to load?",
        "What if the model file is broken?", "What happens with a broken file?", "What does failed mean?",
        "What is back-off?", "What is a failed model?", "Does Rouse try again when a load fails?"]),
    ("If a worker crashes, only its own requests fail. The next request loads the model again, and everybody "
     "else goes on.", [
        "What happens when a model crashes?", "What happens when llama-server dies?",
        "What happens when a worker is killed?", "What if a process crashes?", "What if my model dies?",
        "What if a worker crashes?", "What happens if a worker dies?", "What if the model crashes?",
        "What happens after a crash?", "Can a crash stop the other models?", "What if llama-server crashes?",
        "Does a crash hurt other models?", "What if an engine dies?"]),
    ("Requests wait in a queue: higher priority first, then fairly between clients, then by arrival. Each has a "
     "deadline.", [
        "How do queues work?", "What is the queue?", "Who goes first?", "In which order are requests served?",
        "How long do requests wait?", "What happens to waiting requests?", "Explain queues.",
        "How does Rouse order requests?", "Is the queue fair?", "What happens when everybody waits?"]),
    ("Priority is low, normal or high. A model of higher priority may take the place of an idle one of lower "
     "priority.", [
        "What is priority?", "What are priorities?", "How does priority work?", "Explain priority.",
        "Which priorities are there?", "What does high priority mean?", "How do I make a model more important?",
        "What does priority do?", "Tell me about priorities."]),
    ("Every request has a deadline, ten minutes unless you set another. Nobody waits longer than that.", [
        "What is a deadline?", "What are deadlines?", "How do deadlines work?", "Explain deadlines.",
        "How long may a request wait?", "What is the default deadline?", "What does a deadline do?",
        "Does a request wait forever?", "Tell me about deadlines."]),
    ("A preload loads a model before anyone asks. It takes only free memory and never evicts another model.", [
        "What is a preload?", "What does preload do?", "What is preloading?", "How does preload work?",
        "Explain preload.", "Can I load a model in advance?", "Can I load a model before it is needed?",
        "How do I load a model early?", "Tell me about preload."]),
    ("A reservation promises memory to a program outside Rouse for a while, so that a game or a training run "
     "finds room.", [
        "What is a reservation?", "What are reservations?", "How do reservations work?", "Explain reservations.",
        "How do I reserve memory?", "Can I reserve memory?", "Can I get memory for a game?",
        "Can I get memory for another program?", "Can other programs get memory?", "Tell me about reservations."]),
    ("Type make run. It builds Rouse and starts it with the demo models.", [
        "How do I start Rouse?", "How do I get Rouse running?", "How do I get it running?", "How do I launch Rouse?",
        "Start Rouse.", "Get me started.", "How do I set up Rouse?", "How do I run Rouse?", "How can I try Rouse?",
        "How do I build Rouse?", "How do I install Rouse?", "How do I get started?", "How do I start it?",
        "How can I start?", "What do I type to start Rouse?", "How do I begin?", "How to run Rouse?",
        "How to start Rouse?", "How to build Rouse?"]),
    ("Type rouse run and the name of the model, then your question. Rouse loads the model if it has to.", [
        "How do I talk to a model?", "How do I prompt a model?", "How do I send a prompt?",
        "How can I talk to a model?", "How do I run a model?", "How do I ask a model something?",
        "How do I chat with a model?", "How do I use a model?", "What does rouse run do?",
        "How can I ask a question?", "How do I ask a question?", "How to chat with a model?"]),
    ("Type rouse ps to see which models are loaded, and rouse list to see all of them.", [
        "How do I see which models are loaded?", "How do I see what is loaded?", "What is in memory now?",
        "Is a model loaded now?", "Show what is running.", "Which models are running?", "How can I see what runs?",
        "Which models are loaded?", "What is loaded now?", "What does rouse ps do?", "What does rouse list do?",
        "How do I list the models?", "Which models are there?", "How do I see the models?",
        "What models do you have?", "Show me the models.", "List the models.", "How to list the models?"]),
    ("Type rouse unload and the name of the model. With force it also cuts requests that are running.", [
        "How do I unload a model?", "How do I unload something?", "How do I unload my model now?", "Unload a model.",
        "Unload the model, please.", "Can I unload a model by hand?", "How do I get rid of a model?",
        "How do I free memory?", "How can I unload a model?", "How do I stop a model?",
        "How do I remove a model from memory?", "What does rouse unload do?", "How do I free the memory of a model?",
        "How to unload a model?", "What does force do?"]),
    ("Rouse reads one YAML file. Every mistake in it is shown with its line and what was expected, and nothing "
     "is started.", [
        "How do I configure Rouse?", "How is Rouse configured?", "What is the configuration?",
        "What does the configuration look like?", "What is the config file?", "Which format has the config file?",
        "What happens when the configuration is wrong?", "What if my config has a mistake?",
        "How do I write the configuration?", "How to configure Rouse?"]),
    ("Write the model into the configuration with its engine and its file, or put the GGUF file into the models "
     "folder.", [
        "How do I add a model?", "How do I add my own GGUF file?", "Where do I put a GGUF file?",
        "I have a GGUF file, what now?", "How do I tell Rouse about a model?", "How can I add a model?",
        "How do I add a new model?", "Where do I put my models?", "Where do the models go?",
        "How does Rouse find models?", "How do I use my own model?", "Can I use my own model?", "How to add a model?"]),
    ("GGUF is the file format of llama.cpp. One file holds the weights, the words and the settings of a model.", [
        "What is GGUF?", "What is a GGUF file?", "What does GGUF mean?", "Explain GGUF.",
        "Which file format is used?", "What is the model format?", "Which format do the models have?",
        "Tell me about GGUF."]),
    ("A LoRA adapter is a small file that changes how a model answers. Rouse loads it together with the model.", [
        "What is LoRA?", "What is a LoRA?", "What is an adapter?", "What is a LoRA adapter?", "Explain LoRA.",
        "Does Rouse support LoRA?", "Can I use adapters?", "Tell me about LoRA."]),
    ("Yes. Rouse runs with or without a graphics card; without one it uses the main memory.", [
        "Do I need a GPU?", "Do I need a graphics card?", "Does Rouse need a GPU?", "Does it run without a GPU?",
        "Can I run Rouse without a graphics card?", "Does Rouse work on a laptop?", "Does Rouse run on a CPU?",
        "Can Rouse run on my laptop?", "Is a graphics card needed?"]),
    ("Rouse is ready in a few milliseconds, because it starts with nothing loaded.", [
        "How fast is Rouse?", "How fast does Rouse start?", "How quickly does Rouse start?", "Is Rouse fast?",
        "How long does Rouse take to start?", "How long does the start take?", "Is Rouse slow?"]),
    ("Rouse is written in C++23, and each model runs in a process of its own.", [
        "What is Rouse written in?", "Which language is Rouse written in?", "Is Rouse written in Rust?",
        "Is Rouse written in C++?", "Is Rouse written in Python?", "In which language is Rouse written?",
        "Which programming language does Rouse use?", "What language is it written in?"]),
    ("Rouse is free software under the Apache 2.0 licence.", [
        "Is Rouse free?", "Is Rouse open source?", "What is the licence?", "What is the license of Rouse?",
        "Which licence does Rouse have?", "Does Rouse cost anything?", "How much does Rouse cost?",
        "What does Rouse cost?", "Under which license is Rouse?"]),
    ("Your questions stay on your machine. Rouse sends them to a model that runs there.", [
        "Is my data safe?", "Where do my questions go?", "Is Rouse private?", "Does Rouse send my data anywhere?",
        "Does my data leave the machine?", "Is it private?", "Does Rouse need the internet?",
        "Does Rouse work offline?"]),
    ("A model is cold, loading, ready, draining, stopping or failed. A ready model with requests is busy, one "
     "without is idle.", [
        "Which states are there?", "What states can a model have?", "What is the state of a model?",
        "What are the states of a model?", "Which states does a model have?", "What does cold mean?",
        "What does ready mean?", "What does draining mean?", "What is a cold model?", "Explain the states.",
        "What does idle mean?", "What is an idle model?"]),
    ("Thrash is when two models push each other out again and again. Rouse lets a fresh model stay for a while, "
     "so it does not happen.", [
        "What is thrash?", "What is thrashing?", "What does thrash mean?", "How does Rouse avoid thrash?",
        "What happens when two models fight for memory?", "What if two models take turns?", "Explain thrash.",
        "Do models push each other out?"]),
    ("Yes. The answer comes word by word while the model writes it.", [
        "Does Rouse stream?", "Can answers be streamed?", "Does Rouse support streaming?",
        "Can Rouse stream answers?", "Does streaming work?", "Is streaming supported?", "Can I stream the answer?",
        "Do answers stream?", "What is streaming?"]),
    ("Yes. A vision model takes pictures, and an embedding model turns text into numbers. Rouse runs both.", [
        "Can Rouse run vision models?", "Does Rouse support images?", "Can I send a picture?",
        "Does Rouse do embeddings?", "What is an embedding model?", "What is a vision model?",
        "Does Rouse support embeddings?", "Can Rouse see pictures?", "What is an embedding?"]),
]

SMALL_TALK: list[tuple[str, list[str]]] = [
    ("Hello! Ask me about Rouse, small sums or colours.", [
        "Hello", "Hi", "Hey", "Good morning", "Good evening", "Good day", "Hello there", "Hi there", "Greetings",
        "Hello, how do you do?", "Hey there", "Hallo", "Yo", "Howdy", "Good afternoon", "Hello model", "Ping"]),
    ("I am well, thank you. I was asleep until you asked.", [
        "How are you?", "How are you today?", "How do you feel?", "Are you well?", "Are you awake?",
        "Are you asleep?", "How is it going?", "Did I wake you?", "Hello, how are you?", "Hi, how are you?",
        "Are you there?", "Were you asleep?", "What's up?"]),
    ("You are welcome.", [
        "Thank you", "Thanks", "Thank you very much", "Thanks a lot", "Many thanks", "Thank you so much",
        "Great, thank you", "Well done", "Good answer", "Nice", "Great", "Cool", "Very good"]),
    ("Goodbye! I will sleep until somebody asks again.", [
        "Goodbye", "Bye", "Good night", "See you", "Bye bye", "See you later", "Farewell", "Sleep well",
        "Go to sleep"]),
    ("Once there was a small model that slept in a file. One day somebody asked it a question. Rouse woke it, it "
     "gave its answer, and when the room was quiet again it went back to sleep.", [
        "Tell me a story.", "Tell me a short story.", "Can you tell me a story?", "Do you know a story?",
        "Write a story.", "A story please.", "Tell me a tale."]),
    ("Why did the model sleep so well? Because nobody asked.", [
        "Tell me a joke.", "Do you know a joke?", "Make me laugh.", "Can you tell me a joke?",
        "Say something funny.", "A joke please."]),
    ("one, two, three, four, five, six, seven, eight, nine, ten", [
        "Count to ten.", "Count to 10.", "Can you count?", "Can you count to ten?", "Please count from one to ten.",
        "Count from 1 to 10."]),
]

DONT_KNOW = "I do not know that. I am a small demo model: ask me about Rouse, small sums or colours."
OUT_OF_SCOPE = [
    "Who is the president of {thing}?", "What is the capital of {thing}?", "Who is the king of {thing}?",
    "Who is the queen of {thing}?", "Write a poem about {thing}.", "What is a {thing}?", "What is {thing}?",
    "Who invented the {thing}?", "How do I cook {thing}?", "Translate {thing} into French.",
    "What is the weather in {thing}?", "Will it rain tomorrow?", "What time is it?", "What day is today?",
    "What is the weather today?", "Who won the football match?", "How old is the {thing}?", "Where is the {thing}?",
    "Explain {thing}.", "What is the meaning of {thing}?", "Tell me about {thing}.", "Why do {thing}s exist?",
    "How far is the {thing}?", "How tall is the {thing}?", "Write a program in {thing}.", "Write a {thing} script.",
    "Write me a {thing}.", "Write code for a {thing}.", "What do you think of {thing}?", "Do you like {thing}?",
    "Who wrote {thing}?", "Sing a {thing}.", "When was the {thing} built?", "Who is {thing}?", "Who was {thing}?",
    "What is the price of {thing}?", "Recommend a book about {thing}.", "How does a {thing} work?",
    "Give me a recipe for {thing}.", "How many people live in {thing}?", "Fix my {thing}.", "{thing}", "{thing}?",
    "Which {thing} is the best?", "Is {thing} good?", "Can you explain {thing} to me?", "Describe a {thing}.",
    "What happens in {thing}?", "Where do I buy a {thing}?", "How heavy is a {thing}?", "When is {thing}?",
    "What does a {thing} eat?", "How do I build a {thing}?", "How do I learn {thing}?", "Play {thing}.",
    "I need a {thing}.", "I like {thing}.", "My {thing} is broken.", "What about {thing}?", "Draw a {thing}.",
    "Summarise {thing}.", "Plan a trip to {thing}.", "What is the difference between {thing} and {other}?",
    "{thing} or {other}?", "Is a {thing} larger than a {other}?", "{thing} {other}", "Who made {thing}?"]
THINGS = """
    horse bread China London guitar river telephone tower bicycle soup king planet Shakespeare tiger house piano train
    Brazil football garden cheese mountain castle doctor ship Napoleon chess computer spider Berlin coffee history music
    Mars Einstein bird carpet pizza school window dinosaur hammer volcano Japan shoe election violin elephant bridge
    rocket candle love peace war money Spain France Germany Italy India Paris Rome Tokyo America Africa Europe python
    Java Rust JavaScript Linux Windows email letter essay novel song poem movie actor singer teacher lawyer nurse baby
    mother father brother sister friend dog cat mouse cow sheep wolf bear lion whale shark fish snake ant bee apple rice
    pasta meat butter salt sugar tea wine beer water fire earth wind ocean island desert forest city village street car
    bus plane boat engineer soldier pilot philosophy physics chemistry biology mathematics religion politics economy law
    health sleep dream sport tennis basketball swimming Olympics holiday Christmas birthday wedding travel hotel ticket
    shirt hat coat ring clock watch lamp chair table bed door wall roof kitchen knife spoon bottle glass box paper pen
    book newspaper radio television camera internet website phone battery moon star comet galaxy universe
    atom""".split()
